#!/usr/bin/env bash
# Builds the three images, pushes them to ECR and prints them by digest, for Terraform:
#   infra/push_images.sh REGION TAG
#   web_image=...@sha256:...
#   training_image=...@sha256:...
# The base with R and Robyn is built anew when its Dockerfile or any file that it copies changed, and once a month for
# Debian's updates: its tag is the month and the hash of all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
region=$1 tag=$2
registry="$(aws sts get-caller-identity --query Account --output text).dkr.ecr.$region.amazonaws.com"
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry" >&2

# image REPOSITORY TAG DOCKERFILE [build options]: prints the image by digest; what the registry has is not built again.
image() {
  local name="$registry/$1:$2"
  by_digest "$1" "$2" || {
    docker build --platform linux/amd64 --file "$3" --tag "$name" "${@:4}" . >&2 && docker push --quiet "$name" >&2 && by_digest "$1" "$2"
  }
}

by_digest() {
  local digest
  digest=$(aws ecr describe-images --region "$region" --repository-name "$1" --image-ids "imageTag=$2" \
    --query 'imageDetails[0].imageDigest' --output text 2>/dev/null) && echo "$registry/$1@$digest"
}

base_tag() {
  local copied
  # COPY lines of the build's own context; those of another stage name it by --from.
  copied=$(sed -n '/^COPY --from/d; s/^COPY \(.*\) [^ ]*$/\1/p' docker/Dockerfile.training-base)
  # shellcheck disable=SC2086 # one word a file
  cat docker/Dockerfile.training-base $copied | sha256sum | cut -c 1-16
}

base=$(image mmm-app-training-base "$(date -u +%Y-%m)-$(base_tag)" docker/Dockerfile.training-base --pull)
web=$(image mmm-app-web "$tag" docker/Dockerfile.web --build-arg "COMMIT=$tag")
training=$(image mmm-app-training "$tag" docker/Dockerfile.training --build-arg "COMMIT=$tag" --build-arg "BASE_REF=$base")
printf 'web_image=%s\ntraining_image=%s\n' "$web" "$training"
