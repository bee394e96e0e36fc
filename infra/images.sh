# Builds and pushes images, for push_images.sh and push_images_gcp.sh, which source it from the project's root. They set
# `registry` and define `by_digest REPOSITORY TAG`: prints the image by digest where the registry has it, else fails.
# shellcheck shell=bash

# image REPOSITORY TAG DOCKERFILE [build options]: prints the image by digest; what the registry has is not built again.
image() {
  # shellcheck disable=SC2154 # set by who sources this
  local name="$registry/$1:$2"
  by_digest "$1" "$2" || {
    docker build --platform linux/amd64 --file "$3" --tag "$name" "${@:4}" . >&2 && docker push --quiet "$name" >&2 && by_digest "$1" "$2"
  }
}

# The base with R and Robyn is built anew when its Dockerfile or any file that it copies changed, and once a month for
# Debian's updates: its tag is the month and the hash of all of them.
base_tag() {
  local copied
  # COPY lines of the build's own context; those of another stage name it by --from.
  copied=$(sed -n '/^COPY --from/d; s/^COPY \(.*\) [^ ]*$/\1/p' docker/Dockerfile.training-base)
  # shellcheck disable=SC2086 # one word a file
  cat docker/Dockerfile.training-base $copied | sha256sum | cut -c 1-16
}

# images PREFIX TAG: the three repositories' names begin with PREFIX; prints what Terraform takes.
images() {
  local base web training
  base=$(image "$1training-base" "$(date -u +%Y-%m)-$(base_tag)" docker/Dockerfile.training-base --pull)
  web=$(image "$1web" "$2" docker/Dockerfile.web --build-arg "COMMIT=$2")
  training=$(image "$1training" "$2" docker/Dockerfile.training --build-arg "COMMIT=$2" --build-arg "BASE_REF=$base")
  printf 'web_image=%s\ntraining_image=%s\n' "$web" "$training"
}
