resource "aws_security_group" "alb" {
  name        = "${local.name}-alb"
  description = "The load balancer: from everywhere, to the web tasks"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-alb" }
}

resource "aws_security_group" "web" {
  name        = "${local.name}-web"
  description = "Web tasks: from the load balancer, to AWS, the sign-in provider and data sources"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-web" }
}

resource "aws_security_group" "training" {
  #checkov:skip=CKV2_AWS_5:the web app starts training tasks with it; it finds it in the task definition's tags

  name        = "${local.name}-training"
  description = "Training tasks: from nowhere, to S3 and the VPC endpoints"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-training" }
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "VPC endpoints: from the tasks"
  vpc_id      = local.vpc_id
  tags        = { Name = "${local.name}-endpoints" }
}

resource "aws_security_group_rule" "alb_from_everywhere" {
  for_each          = toset(var.certificate_arn == null ? ["80"] : ["80", "443"])
  security_group_id = aws_security_group.alb.id
  type              = "ingress"
  description       = "People"
  protocol          = "tcp"
  from_port         = each.key
  to_port           = each.key
  cidr_blocks       = var.allowed_networks
}

resource "aws_security_group_rule" "alb_to_web" {
  security_group_id        = aws_security_group.alb.id
  type                     = "egress"
  description              = "Web tasks"
  protocol                 = "tcp"
  from_port                = local.port
  to_port                  = local.port
  source_security_group_id = aws_security_group.web.id
}

resource "aws_security_group_rule" "web_from_alb" {
  security_group_id        = aws_security_group.web.id
  type                     = "ingress"
  description              = "The load balancer"
  protocol                 = "tcp"
  from_port                = local.port
  to_port                  = local.port
  source_security_group_id = aws_security_group.alb.id
}

# Data sources may lie anywhere: Snowflake and BigQuery on 443, PostgreSQL on 5432, Redshift on 5439.
#trivy:ignore:AVD-AWS-0104
resource "aws_security_group_rule" "web_to_everywhere" {
  for_each          = toset(["443", "5432", "5439"])
  security_group_id = aws_security_group.web.id
  type              = "egress"
  description       = "AWS, the sign-in provider, data sources"
  protocol          = "tcp"
  from_port         = each.key
  to_port           = each.key
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_security_group_rule" "training_to_s3" {
  count             = local.private ? 1 : 0
  security_group_id = aws_security_group.training.id
  type              = "egress"
  description       = "S3, through its endpoint"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_ids   = [aws_vpc_endpoint.s3[0].prefix_list_id]
}

# Without endpoints S3, ECR and CloudWatch Logs have addresses of the internet.
#trivy:ignore:AVD-AWS-0104
resource "aws_security_group_rule" "training_to_aws" {
  count             = local.private ? 0 : 1
  security_group_id = aws_security_group.training.id
  type              = "egress"
  description       = "AWS"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_security_group_rule" "training_to_endpoints" {
  count                    = local.private ? 1 : 0
  security_group_id        = aws_security_group.training.id
  type                     = "egress"
  description              = "ECR and CloudWatch Logs, through their endpoints"
  protocol                 = "tcp"
  from_port                = 443
  to_port                  = 443
  source_security_group_id = aws_security_group.endpoints.id
}

resource "aws_security_group_rule" "endpoints_from_tasks" {
  for_each                 = local.private ? { web = aws_security_group.web.id, training = aws_security_group.training.id } : {}
  security_group_id        = aws_security_group.endpoints.id
  type                     = "ingress"
  description              = "${each.key} tasks"
  protocol                 = "tcp"
  from_port                = 443
  to_port                  = 443
  source_security_group_id = each.value
}
