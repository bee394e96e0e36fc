# GitHub Actions signs in without a key. Only prod's state owns this: there is one pool a project.
locals {
  github = var.github_repository != null && var.environment == "prod"
  # One deploy account an environment of the repository's; nobody else of the repository may use it.
  deployers = local.github ? toset(["gcp-plan", "gcp-dev", "gcp-prod"]) : toset([])

  # What a plan reads, and what an apply also changes.
  plan_roles = ["roles/viewer", "roles/iam.securityReviewer"]
  apply_roles = [
    "roles/artifactregistry.admin", "roles/iam.roleAdmin", "roles/iam.serviceAccountAdmin",
    "roles/monitoring.editor", "roles/resourcemanager.projectIamAdmin", "roles/run.admin",
    "roles/secretmanager.admin", "roles/storage.admin",
  ]
  deployer_roles = { for pair in flatten([
    for name in local.deployers : [
      for role in concat(local.plan_roles, name == "gcp-plan" ? [] : local.apply_roles) : { name = name, role = role }
    ]
  ]) : "${pair.name} ${pair.role}" => pair }
}

resource "google_iam_workload_identity_pool" "github" {
  count                     = local.github ? 1 : 0
  workload_identity_pool_id = "${var.service_name}-github"
  display_name              = "GitHub Actions"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count                              = local.github ? 1 : 0
  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.repository == \"${var.github_repository}\""

  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    # Absent where a job names no environment: such a job may take on no account.
    "attribute.environment" = "has(assertion.environment) ? assertion.environment : \"none\""
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "deploy" {
  for_each     = local.deployers
  account_id   = "${var.service_name}-${each.key}"
  display_name = "GitHub Actions, environment ${each.key}"
}

resource "google_service_account_iam_member" "deploy" {
  for_each           = local.deployers
  service_account_id = google_service_account.deploy[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.environment/${each.key}"
}

resource "google_project_iam_member" "deploy" {
  for_each = local.deployer_roles
  project  = var.project
  role     = each.value.role
  member   = google_service_account.deploy[each.value.name].member
}

# An apply gives the service and the job their accounts, and no other account away. The deploy account of dev is made
# in prod's state: it is named, not referred to.
resource "google_service_account_iam_member" "deploy_acts_as" {
  for_each = var.github_repository == null ? {} : {
    web      = google_service_account.web.name
    training = google_service_account.training.name
  }
  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${var.service_name}-gcp-${var.environment}@${var.project}.iam.gserviceaccount.com"
  depends_on         = [google_service_account.deploy]
}
