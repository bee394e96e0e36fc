locals {
  # One set of repositories an account: dev runs what prod's repositories hold, and prod's state owns them.
  repositories = toset(var.environment == "prod" ? [for image in ["web", "training", "training-base"] : "${var.service_name}-${image}"] : [])
}

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_51:immutable_tags is off by default, since the guide pushes :latest again
  #checkov:skip=CKV_AWS_136:AES-256 with AWS's key; repositories made by the guide's commands have it, and it cannot be changed later

  for_each             = local.repositories
  name                 = each.key
  image_tag_mutability = var.immutable_tags ? "IMMUTABLE" : "MUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = local.repositories
  repository = aws_ecr_repository.this[each.key].name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images go after two weeks"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The last 50 images stay, for rollback"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
        action       = { type = "expire" }
      },
    ]
  })
}
