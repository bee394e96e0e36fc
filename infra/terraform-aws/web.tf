locals {
  web_environment = merge(
    {
      CLOUD_PROVIDER       = "aws"
      AWS_REGION           = var.region
      S3_BUCKET            = var.bucket
      ECS_CLUSTER          = aws_ecs_cluster.this.name
      TRAINING_TASK_FAMILY = local.training_family
      SERVICE_NAME         = local.name
      ENVIRONMENT          = var.environment
      HOME                 = "/tmp"
      MMM_PUBLIC_URL       = local.public_url
      AUTH_ALLOWED_DOMAINS = join(",", var.access.allowed_domains)
      AUTH_ALLOWED_EMAILS  = join(",", var.access.allowed_emails)
      AUTH_ADMINS          = join(",", var.access.admins)
      AUTH_ANALYSTS        = join(",", var.access.analysts)
      AUTH_DEFAULT_ROLE    = var.access.default_role
      MMM_RUN_MEMORY_MB    = tostring(var.training.memory)
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
    "SF_USER", "SF_WAREHOUSE", "TRAINING_SECURITY_GROUPS", "TRAINING_SUBNETS",
    "MMM_QUERY_SECONDS", "MMM_SOURCE_HOSTS", "MMM_UPLOAD_PERSON_MB", "MMM_UPLOAD_TOTAL_MB",
    "MMM_RUN_SECONDS", "MMM_RUN_MEMORY_MB", "MMM_METRICS_PORT", "MMM_LOG_FORMAT", "MMM_DISPATCH_SECONDS",
    "MMM_WEBHOOK_HOSTS", "MMM_SMTP_HOST", "MMM_SMTP_PORT", "MMM_SMTP_SECURITY", "MMM_SMTP_USER", "MMM_SMTP_FROM",
  ]
}

resource "aws_cloudwatch_log_group" "web" {
  #checkov:skip=CKV_AWS_158:encrypted with AWS's key; the app keeps secrets out of its logs
  #checkov:skip=CKV_AWS_338:log_retention_days is the organisation's choice

  name              = "/ecs/${local.name}-web"
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_task_definition" "web" {
  family                   = "${local.name}-web"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.web.cpu
  memory                   = var.web.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.web.arn
  # An older revision must stay usable: a deployment that fails half-way, or is rolled back, goes back to it.
  skip_destroy = true

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name         = "web"
    image        = var.web_image
    cpu          = var.web.cpu
    memory       = var.web.memory
    portMappings = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    stopTimeout  = 30
    environment  = [for name, value in local.web_environment : { name = name, value = value } if value != ""]
    secrets      = [for name, version in module.secrets.versions : { name = upper(replace(name, "-", "_")), valueFrom = version }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.web.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "web"
      }
    }
  })])

  # A task starts only when its secrets have values.
  depends_on = [module.secrets]
}

resource "aws_ecs_service" "web" {
  name                               = "${local.name}-web"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.web.arn
  desired_count                      = var.web.min
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 120
  wait_for_steady_state              = true
  propagate_tags                     = "SERVICE"

  # A deployment whose tasks do not become healthy goes back to the one before.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.task_subnets
    security_groups  = [aws_security_group.web.id]
    assign_public_ip = local.public_tasks
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = local.port
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling's
  }

  depends_on = [
    aws_iam_role_policy.execution_images,
    aws_iam_role_policy.execution_secrets,
    aws_lb_listener.http,
    aws_lb_listener.https,
    aws_route.private,
    aws_vpc_endpoint.service,
  ]
}

resource "aws_appautoscaling_target" "web" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.web.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.web.min
  max_capacity       = var.web.max
}

resource "aws_appautoscaling_policy" "web" {
  name               = "${local.name}-web-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.web.service_namespace
  resource_id        = aws_appautoscaling_target.web.resource_id
  scalable_dimension = aws_appautoscaling_target.web.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_out_cooldown = 60
    # Scaling in ends sessions: slowly.
    scale_in_cooldown = 900

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
