data "google_project" "this" {}

locals {
  # dev stands beside prod in one project: its names, and the app's SERVICE_NAME, say so.
  name   = var.environment == "prod" ? var.service_name : "${var.service_name}-${var.environment}"
  number = data.google_project.this.number
  port   = 8080

  # Roles' ids take no hyphens.
  role_prefix = replace(local.name, "-", "_")

  # Cloud Run's own address is known before there is a service: one apply gives HTTPS and a sign-in.
  own_url    = "https://${local.name}-web-${local.number}.${var.region}.run.app"
  public_url = var.domain_name == null ? local.own_url : "https://${var.domain_name}"
}

check "sign_in" {
  assert {
    condition     = length(concat(var.access.allowed_domains, var.access.allowed_emails, var.access.admins, var.access.analysts)) > 0
    error_message = "`access` names nobody: the app opens to nobody. Set allowed_domains or admins in envs/${var.environment}.tfvars."
  }
}
