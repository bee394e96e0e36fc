#!/usr/bin/env bash
# Builds the three images, pushes them to ECR and prints them by digest, for Terraform:
#   infra/push_images.sh REGION TAG
#   web_image=...@sha256:...
#   training_image=...@sha256:...
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=infra/images.sh
source infra/images.sh
region=$1 tag=$2
registry="$(aws sts get-caller-identity --query Account --output text).dkr.ecr.$region.amazonaws.com"
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry" >&2

by_digest() {
  local digest
  digest=$(aws ecr describe-images --region "$region" --repository-name "$1" --image-ids "imageTag=$2" \
    --query 'imageDetails[0].imageDigest' --output text 2>/dev/null) && echo "$registry/$1@$digest"
}

images mmm-app- "$tag"
