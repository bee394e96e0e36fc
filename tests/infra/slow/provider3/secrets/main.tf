# modules/secrets for AWS provider 3, which has no write-only arguments.
variable "prefix" {
  type = string
}

variable "values" {
  type      = map(string)
  sensitive = true
}

locals {
  names = nonsensitive(toset(keys(var.values)))
}

resource "aws_secretsmanager_secret" "this" {
  for_each                = local.names
  name                    = "${var.prefix}-${each.key}"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each      = local.names
  secret_id     = aws_secretsmanager_secret.this[each.key].id
  secret_string = var.values[each.key]
}

output "arns" {
  value = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
