locals {
  web_environment = merge(
    {
      CLOUD_PROVIDER       = "gcp"
      GCP_PROJECT          = var.project
      GCP_REGION           = var.region
      GCS_BUCKET           = var.bucket
      TRAINING_JOB_NAME    = local.training_job
      SERVICE_NAME         = local.name
      ENVIRONMENT          = var.environment
      HOME                 = "/tmp"
      MMM_PUBLIC_URL       = local.public_url
      AUTH_ALLOWED_DOMAINS = join(",", var.access.allowed_domains)
      AUTH_ALLOWED_EMAILS  = join(",", var.access.allowed_emails)
      AUTH_ADMINS          = join(",", var.access.admins)
      AUTH_ANALYSTS        = join(",", var.access.analysts)
      AUTH_DEFAULT_ROLE    = var.access.default_role
    },
    var.snowflake == null ? {} : { for key, value in var.snowflake : "SF_${upper(key)}" => value if value != null },
    var.settings,
  )

  # What `settings` may hold: all but secrets, and what belongs to a laptop or to Terraform's own resources.
  settable = [
    "AUTH_ADMINS", "AUTH_ALLOWED_DOMAINS", "AUTH_ALLOWED_EMAILS", "AUTH_ANALYSTS", "AUTH_DEFAULT_ROLE",
    "AUTH_REDIRECT_URI", "AUTH_SERVER_METADATA_URL", "AUTH_SESSION_SECONDS", "MMM_API_PER_MINUTE", "MMM_BATCH_AT_ONCE",
    "MMM_JOB_FROM", "MMM_JOB_SLOTS", "MMM_JOB_TASKS",
    "MMM_CRASH_AFTER_SECONDS", "MMM_DRAW_REPORTS", "MMM_HEARTBEAT_SECONDS", "MMM_LOG_LEVEL", "MMM_PUBLIC_URL",
    "MMM_READ_CELLS", "MMM_READ_MEMORY_MB", "MMM_READ_ROWS", "MMM_READ_SECONDS",
    "MMM_START_TIMEOUT_SECONDS", "MMM_TASK_TIMEOUT_SECONDS", "SF_ACCOUNT", "SF_DATABASE", "SF_ROLE", "SF_SCHEMA",
    "SF_USER", "SF_WAREHOUSE", "MMM_QUERY_SECONDS", "MMM_SOURCE_HOSTS", "MMM_UPLOAD_PERSON_MB", "MMM_UPLOAD_TOTAL_MB",
    "MMM_RUN_SECONDS", "MMM_RUN_MEMORY_MB", "MMM_METRICS_PORT", "MMM_LOG_FORMAT", "MMM_DISPATCH_SECONDS",
    "MMM_WEBHOOK_HOSTS", "MMM_SMTP_HOST", "MMM_SMTP_PORT", "MMM_SMTP_SECURITY", "MMM_SMTP_USER", "MMM_SMTP_FROM",
  ]
}

resource "google_cloud_run_v2_service" "web" {
  name     = "${local.name}-web"
  location = var.region
  ingress  = var.internal ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_ALL"
  # The app asks everybody to sign in by itself.
  invoker_iam_disabled = true
  deletion_protection  = var.environment == "prod"

  template {
    service_account                  = google_service_account.web.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    session_affinity                 = true
    timeout                          = "3600s"
    max_instance_request_concurrency = 80

    scaling {
      min_instance_count = var.web.min
      max_instance_count = var.web.max
    }

    containers {
      name  = "web"
      image = var.web_image

      ports {
        container_port = local.port
      }

      resources {
        limits            = { cpu = tostring(var.web.cpu), memory = "${var.web.memory}Mi" }
        cpu_idle          = !var.web.cpu_always
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 4
        failure_threshold = 48

        http_get {
          path = "/_stcore/health"
          port = local.port
        }
      }

      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 10
        failure_threshold = 4

        http_get {
          path = "/_stcore/health"
          port = local.port
        }
      }

      dynamic "env" {
        for_each = { for name, value in local.web_environment : name => value if value != "" }
        content {
          name  = env.key
          value = env.value
        }
      }

      # By its version: a new value is a new revision, and so deploys itself.
      dynamic "env" {
        for_each = local.secret_names
        content {
          name = upper(replace(env.key, "-", "_"))
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.this[env.key].secret_id
              version = google_secret_manager_secret_version.this[env.key].version
            }
          }
        }
      }
    }
  }

  # An instance starts only when it may read its secrets, and whoever deploys may give it its account.
  depends_on = [google_secret_manager_secret_iam_member.web, google_service_account_iam_member.deploy_acts_as]
}
