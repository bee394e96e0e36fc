resource "google_monitoring_notification_channel" "email" {
  count        = var.alarm_email == null ? 0 : 1
  display_name = "${local.name} alarms"
  type         = "email"
  labels       = { email_address = var.alarm_email }
}

resource "google_monitoring_uptime_check_config" "web" {
  display_name = "${local.name}-web"
  timeout      = "10s"
  period       = "300s"

  http_check {
    path         = "/_stcore/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = trimprefix(local.public_url, "https://") }
  }
}

locals {
  web_metric = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${google_cloud_run_v2_service.web.name}\""

  # What is watched: the metric, how it is read, and from where on it is an alarm.
  alarms = {
    uptime = {
      title     = "the app does not answer"
      filter    = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.web.uptime_check_id}\""
      aligner   = "ALIGN_NEXT_OLDER"
      reducer   = "REDUCE_COUNT_FALSE"
      threshold = 1
      duration  = "600s"
    }
    errors = {
      title     = "answers of 500 and above"
      filter    = "${local.web_metric} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 5
      duration  = "0s"
    }
    latency = {
      title     = "half of all answers take longer than three seconds"
      filter    = "${local.web_metric} AND metric.type = \"run.googleapis.com/request_latencies\" AND metric.labels.response_code_class = \"2xx\""
      aligner   = "ALIGN_PERCENTILE_50"
      reducer   = "REDUCE_MAX"
      threshold = 3000
      duration  = "900s"
    }
    memory = {
      title     = "the web app's memory is nearly full"
      filter    = "${local.web_metric} AND metric.type = \"run.googleapis.com/container/memory/utilizations\""
      aligner   = "ALIGN_PERCENTILE_99"
      reducer   = "REDUCE_MAX"
      threshold = 0.9
      duration  = "600s"
    }
    executions = {
      title     = "a training task failed"
      filter    = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${google_cloud_run_v2_job.training.name}\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 0
      duration  = "0s"
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each              = local.alarms
  display_name          = "${local.name}: ${each.value.title}"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.email[*].id

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }
}

resource "google_billing_budget" "this" {
  count           = var.monthly_budget == null ? 0 : 1
  billing_account = var.billing_account
  display_name    = local.name

  budget_filter {
    projects = ["projects/${local.number}"]
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = tostring(var.monthly_budget)
    }
  }

  threshold_rules {
    threshold_percent = 0.8
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = google_monitoring_notification_channel.email[*].id
    disable_default_iam_recipients   = false
  }
}
