# One registry a project: dev runs what prod's registry holds, and prod's state owns it.
resource "google_artifact_registry_repository" "this" {
  #checkov:skip=CKV_GCP_84:encrypted with Google's key

  count         = var.environment == "prod" ? 1 : 0
  location      = var.region
  repository_id = var.service_name
  format        = "DOCKER"
  description   = "Images web, training and training-base"

  docker_config {
    immutable_tags = var.immutable_tags
  }

  cleanup_policies {
    id     = "keep-the-last-50"
    action = "KEEP"

    most_recent_versions {
      keep_count = 50
    }
  }

  cleanup_policies {
    id     = "untagged-go-after-two-weeks"
    action = "DELETE"

    condition {
      tag_state  = "UNTAGGED"
      older_than = "1209600s"
    }
  }
}
