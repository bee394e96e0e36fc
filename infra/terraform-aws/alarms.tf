locals {
  load_balancer = aws_lb.web.arn_suffix
  target_group  = aws_lb_target_group.web.arn_suffix

  # name = metric, how it is read, the bound, and for how many minutes it must be passed.
  alarms = {
    no-healthy-task = {
      about     = "No web task is healthy: nobody can use the app."
      namespace = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum"
      operator  = "LessThanThreshold", bound = 1, minutes = 3, missing = "breaching"
      by        = { LoadBalancer = local.load_balancer, TargetGroup = local.target_group }
    }
    errors = {
      about     = "The web app answers with server errors."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum"
      operator  = "GreaterThanThreshold", bound = 10, minutes = 5, missing = "notBreaching"
      by        = { LoadBalancer = local.load_balancer, TargetGroup = local.target_group }
    }
    slow = {
      about     = "One answer in twenty takes longer than five seconds."
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", statistic = "p95"
      operator  = "GreaterThanThreshold", bound = 5, minutes = 10, missing = "notBreaching"
      by        = { LoadBalancer = local.load_balancer, TargetGroup = local.target_group }
    }
    cpu = {
      about     = "The web tasks are at their limit although there are as many as allowed: raise web.max."
      namespace = "AWS/ECS", metric = "CPUUtilization", statistic = "Average"
      operator  = "GreaterThanThreshold", bound = 85, minutes = 15, missing = "notBreaching"
      by        = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.web.name }
    }
    memory = {
      about     = "The web tasks' memory is nearly full: raise web.memory."
      namespace = "AWS/ECS", metric = "MemoryUtilization", statistic = "Average"
      operator  = "GreaterThanThreshold", bound = 85, minutes = 10, missing = "notBreaching"
      by        = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.web.name }
    }
  }
}

#trivy:ignore:AVD-AWS-0095
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:alarms hold no data of the app's, and CloudWatch cannot write to a topic with AWS's own key

  name = "${local.name}-alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com"] }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.alarm_email == null ? 0 : 1
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "web" {
  for_each            = local.alarms
  alarm_name          = "${local.name}-web-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.by
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.operator
  threshold           = each.value.bound
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# A training task that ended badly: killed for want of memory, or with an error of the app's own.
resource "aws_cloudwatch_event_rule" "training_failed" {
  name        = "${local.name}-training-failed"
  description = "A training task ended with an exit code other than 0, or could not start"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this.arn]
      group      = ["family:${local.training_family}"]
      lastStatus = ["STOPPED"]
      "$or" = [
        { containers = { exitCode = [{ anything-but = 0 }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "training_failed" {
  rule = aws_cloudwatch_event_rule.training_failed.name
  arn  = aws_sns_topic.alarms.arn

  input_transformer {
    input_paths    = { task = "$.detail.taskArn", run = "$.detail.startedBy", reason = "$.detail.stoppedReason" }
    input_template = "\"Training task <task> of <run> ended badly: <reason>. The run's page and `mmm logs` say more.\""
  }
}

# The account's vCPUs in use, of all its clusters: a run that finds no room waits.
resource "aws_cloudwatch_metric_alarm" "vcpu_quota" {
  alarm_name          = "${local.name}-vcpu-quota"
  alarm_description   = "Four fifths of the account's Fargate vCPUs are in use: runs will wait. Ask for more in Service Quotas."
  namespace           = "AWS/Usage"
  metric_name         = "ResourceCount"
  dimensions          = { Service = "Fargate", Type = "Resource", Resource = "vCPU", Class = "Standard/OnDemand" }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.8 * var.vcpu_quota
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_budgets_budget" "month" {
  count        = var.monthly_budget == null ? 0 : 1
  name         = local.name
  budget_type  = "COST"
  limit_amount = var.monthly_budget
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = ["user:app$$${var.service_name}"]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      comparison_operator        = "GREATER_THAN"
      subscriber_email_addresses = [var.alarm_email]
    }
  }
}
