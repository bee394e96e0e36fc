variable "prefix" {
  description = "The secrets' names begin with it."
  type        = string
}

variable "values" {
  description = "The secrets by the rest of their names."
  type        = map(string)
  sensitive   = true
}

locals {
  names = nonsensitive(toset(keys(var.values)))
}

#trivy:ignore:AVD-AWS-0098
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:encrypted with AWS's key
  #checkov:skip=CKV2_AWS_57:the provider and Snowflake issue these; nothing here can rotate them

  for_each                = local.names
  name                    = "${var.prefix}-${each.key}"
  recovery_window_in_days = 7
}

# Write-only: the value is in neither state nor plan. The number tells Terraform that it changed.
resource "aws_secretsmanager_secret_version" "this" {
  for_each                 = local.names
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.values[each.key]
  secret_string_wo_version = nonsensitive(parseint(substr(sha256(var.values[each.key]), 0, 7), 16))
}

output "arns" {
  description = "The secrets' ARNs by the rest of their names, once they have values."
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
