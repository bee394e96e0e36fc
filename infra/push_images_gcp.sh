#!/usr/bin/env bash
# Builds the three images, pushes them to Artifact Registry and prints them by digest, for Terraform:
#   infra/push_images_gcp.sh PROJECT REGION TAG
#   web_image=...@sha256:...
#   training_image=...@sha256:...
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=infra/images.sh
source infra/images.sh
project=$1 region=$2 tag=$3
registry="$region-docker.pkg.dev/$project/mmm-app"
gcloud auth configure-docker "$region-docker.pkg.dev" --quiet >&2

by_digest() {
  local digest
  digest=$(gcloud artifacts docker images describe "$registry/$1:$2" --format='value(image_summary.digest)' 2>/dev/null) &&
    [ -n "$digest" ] && echo "$registry/$1@$digest"
}

images "" "$tag"
