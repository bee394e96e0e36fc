locals {
  training_family = "${local.name}-training"

  # Of `settings`, what a training task reads, too.
  training_environment = merge(
    { AWS_REGION = var.region, HOME = "/tmp" },
    { for name, value in var.settings : name => value if contains(["MMM_DRAW_REPORTS", "MMM_HEARTBEAT_SECONDS", "MMM_LOG_LEVEL"], name) },
  )
}

resource "aws_cloudwatch_log_group" "training" {
  #checkov:skip=CKV_AWS_158:encrypted with AWS's key
  #checkov:skip=CKV_AWS_338:log_retention_days is the organisation's choice

  name              = "/ecs/${local.training_family}"
  retention_in_days = var.log_retention_days
}

# The web app runs the newest revision, with the run's address as its only argument.
resource "aws_ecs_task_definition" "training" {
  family                   = local.training_family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.training.cpu
  memory                   = var.training.memory
  execution_role_arn       = aws_iam_role.training_execution.arn
  task_role_arn            = aws_iam_role.training.arn
  # An older revision must stay usable: a deployment that fails half-way, or is rolled back, goes back to it.
  skip_destroy = true

  # Where its tasks run: the launcher reads it here. Tags hold no commas.
  tags = {
    "mmm-app:subnets"         = join(" ", local.task_subnets)
    "mmm-app:security-groups" = aws_security_group.training.id
    "mmm-app:public-address"  = local.public_tasks ? "yes" : "no"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name        = "training"
    image       = var.training_image
    cpu         = var.training.cpu
    memory      = var.training.memory
    stopTimeout = 30
    environment = [for name, value in local.training_environment : { name = name, value = value }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.training.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "training"
      }
    }
  })])
}
