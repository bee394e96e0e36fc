# modules/storage for AWS provider 3, where versioning and encryption are the bucket's own arguments.
variable "bucket" {
  type = string
}

resource "aws_s3_bucket" "this" {
  bucket = var.bucket

  versioning {
    enabled = true
  }
}

output "bucket" {
  value = aws_s3_bucket.this.id
}
