output "web_service_url" {
  description = "The app's address."
  value       = local.public_url
}

output "oauth_redirect_uri" {
  description = "What the sign-in provider must have as an authorised redirect URI."
  value       = "${local.public_url}/oauth2callback"
}

output "bucket" {
  description = "The workspace's bucket."
  value       = google_storage_bucket.this.name
}

output "web_service" {
  description = "The web service's name."
  value       = google_cloud_run_v2_service.web.name
}

output "training_job" {
  description = "The training job's name."
  value       = google_cloud_run_v2_job.training.name
}

output "registry" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${var.service_name}"
}

output "workload_identity_provider" {
  description = "What GitHub Actions signs in with; null without github_repository."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}
