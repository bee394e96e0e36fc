locals {
  secrets = merge(
    {
      auth-client-id     = var.auth_client_id
      auth-client-secret = var.auth_client_secret
      auth-cookie-secret = var.auth_cookie_secret
    },
    var.sf_private_key_exists ? { sf-private-key = var.sf_private_key } : {},
  )
  secret_names = nonsensitive(toset(keys(local.secrets)))
}

resource "google_secret_manager_secret" "this" {
  for_each            = local.secret_names
  secret_id           = "${local.name}-${each.key}"
  version_destroy_ttl = var.environment == "prod" ? "2592000s" : "604800s"

  replication {
    auto {}
  }
}

# Write-only: the value is in neither state nor plan. The number tells Terraform that it changed.
resource "google_secret_manager_secret_version" "this" {
  for_each               = local.secret_names
  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = local.secrets[each.key]
  secret_data_wo_version = nonsensitive(parseint(substr(sha256(local.secrets[each.key]), 0, 7), 16))
}

resource "google_secret_manager_secret_iam_member" "web" {
  for_each  = local.secret_names
  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.web.member
}
