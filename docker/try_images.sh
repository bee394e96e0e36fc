#!/usr/bin/env bash
# Tries the images as a platform would run them: read-only root, no capabilities, not root. docker/build_local.sh calls it.
#   docker/try_images.sh WEB TRAINING
set -euo pipefail
WEB=$1 TRAINING=$2
HARD=(--read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp --no-healthcheck)
FOLDER=$(mktemp -d)
started=()
passed=0

finish() {
  local code=$?
  for container in "${started[@]}"; do
    [ "$code" -eq 0 ] || podman logs "$container" 2>&1 | tail -40
    podman rm -f "$container" >/dev/null 2>&1 || true
  done
  rm -rf "$FOLDER"
  [ "$code" -eq 0 ] || echo "FAILED after $passed checks" >&2
  exit "$code"
}
trap finish EXIT

ok() {
  passed=$((passed + 1))
  echo "ok $passed - $*"
}

is() { # what, expected, got
  if [ "$2" != "$3" ]; then
    echo "not ok - $1: expected '$2', got '$3'" >&2
    exit 1
  fi
  ok "$1"
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$FOLDER/workspace"
chown 10001 "$FOLDER/workspace"

# The web app on the local platform.
web=$(podman run -d "${HARD[@]}" --network host -v "$FOLDER/workspace:/workspace" -e MMM_WORKSPACE=/workspace \
  -e "STREAMLIT_SERVER_PORT=$port" -e STREAMLIT_SERVER_ADDRESS=127.0.0.1 "$WEB")
started+=("$web")
health=""
for _ in $(seq 60); do
  health=$(python3 -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$port/_stcore/health').read().decode())" 2>/dev/null) && break
  sleep 1
done
is "the web app is healthy" ok "$health"
is "it does not run as root" 10001 "$(podman exec "$web" id -u)"
is "its root is read-only" 1 "$(podman exec "$web" sh -c 'touch /app/x 2>/dev/null; echo $?')"
is "its compiled kernels are in place" yes "$(podman exec "$web" sh -c 'ls /tmp/numba/*/*.nbi >/dev/null 2>&1 && echo yes')"
secret=$(podman exec "$web" sh -c 'find / -xdev \( -name .env -o -name .git -o -name "*.pem" -path "/app/*" \) 2>/dev/null | head -1')
is "neither history nor a .env file is in it" "" "$secret"
is "SIGTERM ends it" 0 "$(podman stop -t 10 "$web" >/dev/null && podman inspect --format '{{.State.ExitCode}}' "$web" | sed 's/143/0/')"

# A training task: the whole main job, in a container that may write to the workspace and /tmp alone.
podman run --rm "${HARD[@]}" --network none -v "$FOLDER/workspace:/workspace" -e MMM_WORKSPACE=/workspace \
  --entrypoint mmm-entrypoint "$TRAINING" mmm demo \
  >"$FOLDER/demo.txt" 2>&1 || { cat "$FOLDER/demo.txt"; exit 1; }
grep -q '^Results  file:///workspace/runs/' "$FOLDER/demo.txt"
ok "the sample trains without a network"
# Compiling would take half a minute; the stages' seconds are in the run's last event.
seconds=$(python3 - "$FOLDER/workspace" <<'PY'
import json, pathlib, sys
run = max((pathlib.Path(sys.argv[1]) / "runs").iterdir())
print(json.loads(max((run / "events").iterdir()).read_text())["details"]["seconds"])
PY
)
ok "seconds per stage: $seconds"

# Ends that a platform must tell apart.
podman run --rm "${HARD[@]}" --network none "$TRAINING" file:///nowhere/runs/20260101T000000-00000000 >"$FOLDER/out.txt" 2>&1 && code=0 || code=$?
is "a run that is not there is exit code 2" 2 "$code"
is "and no stack trace" 0 "$(grep -c Traceback "$FOLDER/out.txt" || true)"
# From its own folder: the container monitor leaves a note of the kill where it stands.
(cd "$FOLDER" && podman run --rm "${HARD[@]}" --memory 96m --memory-swap 96m --network none -v "$FOLDER/workspace:/workspace" -e MMM_WORKSPACE=/workspace \
  --entrypoint /opt/mmm/bin/python "$TRAINING" -c 'x = bytearray(300_000_000)' >/dev/null 2>&1) && code=0 || code=$?
is "too little memory is exit code 137" 137 "$code"

# The compose file's local profile, on the address and port it says.
if [ -n "${PODMAN_COMPOSE:-}" ]; then
  compose() { $PODMAN_COMPOSE --in-pod false --project-name "mmm-try-$$" "$@"; }
  python3 -c 'import socket; socket.socket().bind(("127.0.0.1", 8080))' || { echo "port 8080 is taken" >&2; exit 1; }
  trap 'compose --profile local down -v >/dev/null 2>&1; finish' EXIT
  compose --profile local up -d --no-build local >/dev/null 2>&1
  health=""
  for _ in $(seq 60); do
    health=$(python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8080/_stcore/health").read().decode())' 2>/dev/null) && break
    sleep 1
  done
  is "docker-compose --profile local up local opens the app on 127.0.0.1:8080" ok "$health"
  is "it can write its workspace" 0 "$(compose --profile local exec -T local sh -c 'touch /workspace/x /secrets/x; echo $?' 2>/dev/null | tr -d '\r')"
  compose --profile local down -v >/dev/null 2>&1
  trap finish EXIT
  compose config >"$FOLDER/compose.txt" 2>/dev/null
  is "docker-compose up runs the web app alone" 1 "$(compose config --services 2>/dev/null | grep -c '^web$')"
fi
echo "$passed passed, 0 failed"
