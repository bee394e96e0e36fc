variable "bucket" {
  description = "The bucket's name."
  type        = string
}

variable "backup" {
  description = "A bucket in another region that gets a copy of every object; null: none does."
  type        = string
  default     = null
}

variable "name" {
  description = "The role's name that copies begins with it."
  type        = string
}

#trivy:ignore:AVD-AWS-0089
resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:CloudTrail's data events are the organisation's choice; the app keeps its own audit log
  #checkov:skip=CKV_AWS_144:a copy in another region is a choice, see `backup`
  #checkov:skip=CKV_AWS_145:AES-256 with AWS's key, see the encryption below
  #checkov:skip=CKV2_AWS_62:nothing listens to the bucket

  bucket = var.bucket
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

#trivy:ignore:AVD-AWS-0132
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "left-over"
    status = "Enabled"
    filter {}

    # What a killed task had begun to upload.
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    # Heartbeats and drafts are written again and again.
    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

locals {
  audit = [for folder in ["audit", "audit_chain"] : "arn:aws:s3:::${var.bucket}/${folder}/*"]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      # The audit trail is only added to: a write must be one of a new object, which the app's are.
      {
        Sid       = "AuditIsNotOverwritten"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = local.audit
        Condition = {
          Null = { "s3:if-none-match" = "true" }
          Bool = { "s3:ObjectCreationOperation" = "true" }
        }
      },
      # Whoever empties the bucket for good takes this policy away first, which CloudTrail records.
      {
        Sid       = "AuditIsKept"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = local.audit
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# What is deleted here stays in the copy: it is a backup.
resource "aws_s3_bucket_replication_configuration" "backup" {
  count  = var.backup == null ? 0 : 1
  bucket = aws_s3_bucket.this.id
  role   = aws_iam_role.backup[0].arn

  rule {
    id     = "everything"
    status = "Enabled"
    filter {}

    delete_marker_replication {
      status = "Disabled"
    }

    destination {
      bucket = "arn:aws:s3:::${var.backup}"
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_iam_role" "backup" {
  count = var.backup == null ? 0 : 1
  name  = "${var.name}-backup-role"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "s3.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "backup" {
  count = var.backup == null ? 0 : 1
  name  = "${var.name}-backup"
  role  = aws_iam_role.backup[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = "arn:aws:s3:::${var.bucket}"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = "arn:aws:s3:::${var.bucket}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "arn:aws:s3:::${var.backup}/*"
      },
    ]
  })
}

output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}
