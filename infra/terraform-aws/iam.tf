locals {
  ecs_tasks_may_assume = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  bucket_arn      = "arn:aws:s3:::${var.bucket}"
  secret_arn      = "arn:aws:secretsmanager:${var.region}:${local.account}:secret"
  repository_arn  = "arn:aws:ecr:${var.region}:${local.account}:repository"
  task_arn        = "arn:aws:ecs:${var.region}:${local.account}:task/${aws_ecs_cluster.this.name}/*"
  training_stream = "arn:aws:logs:${var.region}:${local.account}:log-group:/ecs/${local.training_family}:log-stream:*"

  # What a task needs to start: its own image and its own log group.
  start = { for task, group in { web = "/ecs/${local.name}-web", training = "/ecs/${local.training_family}" } : task => [
    { Sid = "Login", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
    {
      Sid      = "Pull"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = "${local.repository_arn}/${var.service_name}-${task}"
    },
    {
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:${var.region}:${local.account}:log-group:${group}:*"
    },
  ] }
}

# Starts web tasks: pulls the image, injects the secrets, writes the log.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-ecs-task-execution-role"
  assume_role_policy = local.ecs_tasks_may_assume
}

resource "aws_iam_role_policy" "execution_images" {
  name   = "${local.name}-ecs-task-execution-images"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.start["web"] })
}

resource "aws_iam_role_policy" "execution_secrets" {
  name = "${local.name}-ecs-task-execution-secrets"
  role = aws_iam_role.execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = values(module.secrets.arns)
    }]
  })
}

# Starts training tasks; no secrets.
resource "aws_iam_role" "training_execution" {
  name               = "${local.name}-training-execution-role"
  assume_role_policy = local.ecs_tasks_may_assume
}

resource "aws_iam_role_policy" "training_execution_images" {
  name   = "${local.name}-training-execution-images"
  role   = aws_iam_role.training_execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.start["training"] })
}

# What the web app itself may do.
resource "aws_iam_role" "web" {
  name               = "${local.name}-web-service-task-role"
  assume_role_policy = local.ecs_tasks_may_assume
}

resource "aws_iam_role_policy" "web_s3" {
  name = "${local.name}-web-service-s3-access"
  role = aws_iam_role.web.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "List", Effect = "Allow", Action = "s3:ListBucket", Resource = local.bucket_arn },
      {
        Sid      = "ReadAndWrite"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
        Resource = "${local.bucket_arn}/*"
      },
      {
        Sid      = "Delete"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = [for folder in ["connections", "drafts", "waiting"] : "${local.bucket_arn}/${folder}/*"]
      },
    ]
  })
}

resource "aws_iam_role_policy" "web_training" {
  name = "${local.name}-web-service-training"
  role = aws_iam_role.web.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Definition", Effect = "Allow", Action = "ecs:DescribeTaskDefinition", Resource = "*" },
      {
        Sid       = "Run"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "arn:aws:ecs:${var.region}:${local.account}:task-definition/${local.training_family}:*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
      {
        Sid       = "Tag"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = local.task_arn
        Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
      },
      {
        Sid       = "FollowAndStop"
        Effect    = "Allow"
        Action    = ["ecs:DescribeTasks", "ecs:StopTask"]
        Resource  = local.task_arn
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.training.arn, aws_iam_role.training_execution.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      { Sid = "Output", Effect = "Allow", Action = "logs:GetLogEvents", Resource = local.training_stream },
    ]
  })
}

resource "aws_iam_role_policy" "web_secrets" {
  name = "${local.name}-web-service-secrets"
  role = aws_iam_role.web.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Connections"
        Effect = "Allow"
        Action = [
          "secretsmanager:CreateSecret",
          "secretsmanager:DeleteSecret",
          "secretsmanager:DescribeSecret",
          "secretsmanager:GetSecretValue",
          "secretsmanager:PutSecretValue",
          "secretsmanager:RestoreSecret",
        ]
        Resource = "${local.secret_arn}:${local.name}-connection-*"
      },
      {
        Sid      = "Own"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = ["${local.secret_arn}:${local.name}-auth-*", "${local.secret_arn}:${local.name}-sf-*"]
      },
    ]
  })
}

# What a training task may do: read the bucket, write its runs.
resource "aws_iam_role" "training" {
  name               = "${local.name}-training-task-role"
  assume_role_policy = local.ecs_tasks_may_assume
}

resource "aws_iam_role_policy" "training_s3" {
  name = "${local.name}-training-s3-access"
  role = aws_iam_role.training.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "List", Effect = "Allow", Action = "s3:ListBucket", Resource = local.bucket_arn },
      { Sid = "Read", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.bucket_arn}/*" },
      {
        Sid      = "WriteRuns"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload"]
        Resource = "${local.bucket_arn}/runs/*"
      },
    ]
  })
}
