variable "prefix" {
  description = "The secrets' names begin with it."
  type        = string
}

variable "values" {
  description = "The secrets by the rest of their names."
  type        = map(string)
  sensitive   = true
}

variable "recovery_days" {
  description = "For how many days a deleted secret can be had back."
  type        = number
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
  recovery_window_in_days = var.recovery_days
}

# Write-only: the value is in neither state nor plan. The number tells Terraform that it changed.
resource "aws_secretsmanager_secret_version" "this" {
  for_each                 = local.names
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.values[each.key]
  secret_string_wo_version = nonsensitive(parseint(substr(sha256(var.values[each.key]), 0, 7), 16))
}

output "versions" {
  description = "As `arns`, each with the version that is current: a new value is a new task definition, and so deploys itself."
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => "${version.arn}:::${version.version_id}" }
}

output "arns" {
  description = "The secrets' ARNs by the rest of their names, once they have values."
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
