locals {
  training_job = "${local.name}-training"

  # Of `settings`, what a training task reads, too. Not CLOUD_PROVIDER: the task knows its bucket from the run's address.
  training_environment = merge(
    { HOME = "/tmp" },
    { for name, value in var.settings : name => value if contains(["MMM_DRAW_REPORTS", "MMM_HEARTBEAT_SECONDS", "MMM_LOG_LEVEL"], name) },
  )
}

# The web app executes it with the run's address as its only argument.
resource "google_cloud_run_v2_job" "training" {
  name                = local.training_job
  location            = var.region
  deletion_protection = var.environment == "prod"

  template {
    # A batch's job asks for more tasks, all at once: MMM_JOB_TASKS bounds them.
    task_count = 1

    template {
      service_account       = google_service_account.training.email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "86400s"
      # A run that ended badly is retried by people, who see why.
      max_retries = 0

      containers {
        name  = "training"
        image = var.training_image

        resources {
          limits = { cpu = tostring(var.training.cpu), memory = "${var.training.memory}Mi" }
        }

        dynamic "env" {
          for_each = local.training_environment
          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  # Whoever deploys must be allowed to give the job its account.
  depends_on = [google_service_account_iam_member.deploy_acts_as]
}
