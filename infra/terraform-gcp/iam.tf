resource "google_service_account" "web" {
  account_id   = "${local.name}-web"
  display_name = "The web app of ${local.name}"
}

resource "google_service_account" "training" {
  account_id   = "${local.name}-training"
  display_name = "The training tasks of ${local.name}"
}

locals {
  # What the code calls (docs/gcp.md), by the thing that it is granted on.
  permissions = {
    run_training = [
      "run.executions.cancel", "run.executions.get", "run.executions.list", "run.jobs.run",
      "run.jobs.runWithOverrides", "run.tasks.get", "run.tasks.list",
    ]
    read_objects   = ["storage.objects.get", "storage.objects.list"]
    create_objects = ["storage.multipartUploads.abort", "storage.multipartUploads.create", "storage.multipartUploads.listParts", "storage.objects.create"]
    # Writing over an object takes this right, too. Versions and soft delete keep what was there.
    delete_objects = ["storage.objects.delete"]
    create_secrets = ["secretmanager.secrets.create"]
    own_secrets = [
      "secretmanager.versions.access", "secretmanager.versions.add", "secretmanager.versions.destroy",
      "secretmanager.versions.get", "secretmanager.versions.list",
    ]
    read_logs = ["logging.logEntries.list"]
  }

  objects = "projects/_/buckets/${var.bucket}/objects"
  # Under these the web app overwrites or deletes; a training task under its runs alone.
  web_folders = ["connections", "datasets", "drafts", "waiting"]
}

resource "google_project_iam_custom_role" "this" {
  for_each    = local.permissions
  role_id     = "${local.role_prefix}_${each.key}"
  title       = "${local.name}: ${replace(each.key, "_", " ")}"
  permissions = each.value
}

# The web app: run the training job, nothing else of Cloud Run.
resource "google_cloud_run_v2_job_iam_member" "web" {
  name     = google_cloud_run_v2_job.training.name
  location = var.region
  role     = google_project_iam_custom_role.this["run_training"].id
  member   = google_service_account.web.member
}

resource "google_storage_bucket_iam_member" "web" {
  for_each = toset(["read_objects", "create_objects"])
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.this[each.key].id
  member   = google_service_account.web.member
}

resource "google_storage_bucket_iam_member" "web_overwrites" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.this["delete_objects"].id
  member = google_service_account.web.member

  condition {
    title      = "Folders that are written again"
    expression = join(" || ", [for folder in local.web_folders : "resource.name.startsWith(\"${local.objects}/${folder}/\")"])
  }
}

# Connections' secrets are the app's own; it makes them by its name.
resource "google_project_iam_member" "web_makes_secrets" {
  project = var.project
  role    = google_project_iam_custom_role.this["create_secrets"].id
  member  = google_service_account.web.member
}

resource "google_project_iam_member" "web_secrets" {
  project = var.project
  role    = google_project_iam_custom_role.this["own_secrets"].id
  member  = google_service_account.web.member

  condition {
    title      = "Secrets of ${local.name}"
    expression = "resource.name.startsWith(\"projects/${local.number}/secrets/${local.name}-\")"
  }
}

resource "google_project_iam_member" "web_logs" {
  project = var.project
  role    = google_project_iam_custom_role.this["read_logs"].id
  member  = google_service_account.web.member
}

# A training task reads the workspace and writes into runs/.
resource "google_storage_bucket_iam_member" "training" {
  bucket = google_storage_bucket.this.name
  role   = google_project_iam_custom_role.this["read_objects"].id
  member = google_service_account.training.member
}

resource "google_storage_bucket_iam_member" "training_writes" {
  for_each = toset(["create_objects", "delete_objects"])
  bucket   = google_storage_bucket.this.name
  role     = google_project_iam_custom_role.this[each.key].id
  member   = google_service_account.training.member

  condition {
    title      = "Runs"
    expression = "resource.name.startsWith(\"${local.objects}/runs/\")"
  }
}
