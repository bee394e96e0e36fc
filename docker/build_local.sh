#!/usr/bin/env bash
# Builds and runs the images on a Debian machine without a Docker engine: buildah, podman and runc, as root.
#
#   docker/build_local.sh            build every image that can be built here, then try each of them
#   docker/build_local.sh build      only build;   docker/build_local.sh compose [arguments]   podman-compose
#   docker/build_local.sh podman ... podman with this script's storage
#
# The base images come from a registry, which this script does not need: it makes stand-ins for them out of Debian's
# packages (debootstrap) and names them in the Dockerfiles' build arguments. The Dockerfiles themselves are the real
# ones. Training needs R and Robyn only for the engine `robyn`: its base image is built where its packages are reached
# (WITH_ROBYN=1), otherwise Dockerfile.training is built on the stand-in and has the native engine alone.
set -euo pipefail
cd "$(dirname "$0")/.."

STORE=${IMAGES_DIR:-$PWD/build/images}
BASE=localhost/mmm-base:bookworm
WEB=localhost/mmm-app-web:latest
TRAINING=localhost/mmm-app-training:latest
TRAINING_BASE=localhost/mmm-app-training-base:latest
PACKAGES=(buildah podman runc debootstrap netavark aardvark-dns iptables)

say() { printf '\n== %s\n' "$*"; }

need_tools() {
  local missing=()
  for package in "${PACKAGES[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "Needed: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
}

# Everything lies under $STORE: removing that folder removes every trace.
configure() {
  mkdir -p "$STORE/etc" "$STORE/run"
  cat >"$STORE/etc/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$STORE/graph"
runroot = "$STORE/run"
CONF
  cat >"$STORE/etc/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
  export CONTAINERS_STORAGE_CONF="$STORE/etc/storage.conf" CONTAINERS_CONF="$STORE/etc/containers.conf"
}

# A Debian with Python, as this machine installs it: its mirror, its certificates, its pip configuration.
make_base() {
  if buildah inspect --type image "$BASE" >/dev/null 2>&1; then
    return
  fi
  say "stand-in for the Python base image"
  local root="$STORE/base" mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" {print $1; exit}')
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,tzdata bookworm "$root" "$mirror" >/dev/null
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  if [ -n "${PIP_CERT:-}" ]; then
    buildah config --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
      --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
  fi
  buildah commit --quiet "$container" "$BASE" >/dev/null
  buildah rm "$container" >/dev/null
  rm -rf "$root"
}

build() {
  local tag=$1 file=$2
  shift 2
  say "$file"
  buildah bud --quiet --format docker --isolation chroot --network host --layers \
    --build-arg "COMMIT=$(git rev-parse HEAD 2>/dev/null || true)" "$@" -t "$tag" -f "$file" .
}

build_all() {
  make_base
  build "$WEB" docker/Dockerfile.web --build-arg "PYTHON_IMAGE=$BASE"
  if [ "${WITH_ROBYN:-}" = 1 ]; then
    build "$TRAINING_BASE" docker/Dockerfile.training-base
  else
    echo "Dockerfile.training-base is not built: WITH_ROBYN=1 builds it where R's and Robyn's packages are reached."
    buildah tag "$BASE" "$TRAINING_BASE"
  fi
  build "$TRAINING" docker/Dockerfile.training --build-arg "BASE_REF=$TRAINING_BASE"
  podman images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep mmm
}

# AWS's own way to a task, on an emulator that starts the containers of its ECS through podman's Docker socket.
try_ecs() {
  local folder socket port servers=()
  folder=$(mktemp -d)
  socket="unix://$folder/podman.sock"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  podman system service -t 0 "$socket" >"$folder/podman.log" 2>&1 &
  servers+=($!)
  # shellcheck disable=SC2086
  BIND_HOST=127.0.0.1 GATEWAY_PORT=$port DOCKER_HOST=$socket $MINISTACK >"$folder/ministack.log" 2>&1 &
  servers+=($!)
  trap 'kill "${servers[@]}" 2>/dev/null; rm -rf "$folder"' RETURN
  for _ in $(seq 60); do
    python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/_ministack/health')" 2>/dev/null && break
    sleep 1
  done
  .venv/bin/python docker/try_ecs.py "http://127.0.0.1:$port" "$TRAINING" || { tail -20 "$folder/ministack.log"; return 1; }
}

need_tools
configure
case "${1:-all}" in
  all)
    build_all
    docker/try_images.sh "$WEB" "$TRAINING"
    if [ -n "${MINISTACK:-}" ]; then
      try_ecs
    fi
    ;;
  build) build_all ;;
  podman) exec "$@" ;;
  compose)
    shift
    exec "${PODMAN_COMPOSE:-podman-compose}" "$@"
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
