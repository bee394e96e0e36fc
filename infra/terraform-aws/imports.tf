# The guide creates the bucket and the repositories with the AWS CLI, since images must be there before the first apply.
# The first apply takes them over; later these blocks do nothing.

import {
  to = module.storage.aws_s3_bucket.this
  id = var.bucket
}

import {
  for_each = local.repositories
  to       = aws_ecr_repository.this[each.key]
  id       = each.key
}
