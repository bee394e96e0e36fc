data "aws_caller_identity" "current" {}

locals {
  # dev stands beside prod in one account: its names, and the app's SERVICE_NAME, say so.
  name    = var.environment == "prod" ? var.service_name : "${var.service_name}-${var.environment}"
  account = data.aws_caller_identity.current.account_id
  port    = 8080

  public_url = var.domain_name == null ? "http://${aws_lb.web.dns_name}" : "https://${var.domain_name}"

  # What the containers have in common. Everything is explicit: an image has no settings of its own.
  hardened = {
    essential              = true
    readonlyRootFilesystem = true
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    # The images declare /tmp as a volume: only so may their user write to a Fargate mount.
    mountPoints    = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings   = []
    systemControls = []
    volumesFrom    = []
  }
}

module "storage" {
  source = "./modules/storage"
  bucket = var.bucket
  backup = var.backup_bucket
  name   = local.name
}

module "secrets" {
  source = "./modules/secrets"
  prefix = local.name
  # Deleted by mistake, a secret of prod can be had back for a month.
  recovery_days = var.environment == "prod" ? 30 : 7
  values = merge(
    {
      auth-client-id     = var.auth_client_id
      auth-client-secret = var.auth_client_secret
      auth-cookie-secret = var.auth_cookie_secret
    },
    var.sf_private_key_exists ? { sf-private-key = var.sf_private_key } : {},
  )
}

resource "aws_ecs_cluster" "this" {
  name = "${local.name}-cluster"

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

check "sign_in" {
  assert {
    condition     = var.domain_name != null
    error_message = "Without domain_name and certificate_arn the app answers on HTTP, where sign-in is refused: it opens to nobody. See \"A name and a certificate\" in docs/AWS_DEPLOYMENT.md."
  }

  assert {
    condition     = length(concat(var.access.allowed_domains, var.access.allowed_emails, var.access.admins, var.access.analysts)) > 0
    error_message = "`access` names nobody: the app opens to nobody. Set allowed_domains or admins in envs/${var.environment}.tfvars."
  }
}
