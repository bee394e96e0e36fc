#trivy:ignore:AVD-AWS-0053
resource "aws_lb" "web" {
  #checkov:skip=CKV_AWS_91:access lines would hold the codes that sign people in; the app logs without queries
  #checkov:skip=CKV_AWS_150:prod has it; dev can be destroyed by Terraform
  #checkov:skip=CKV2_AWS_28:a web application firewall is the organisation's choice; associate one with the output alb_arn
  #checkov:skip=CKV2_AWS_20:port 80 redirects once there is a certificate

  name                       = "${local.name}-web"
  load_balancer_type         = "application"
  internal                   = var.internal
  security_groups            = [aws_security_group.alb.id]
  subnets                    = local.load_balancer_subnets
  drop_invalid_header_fields = true
  enable_deletion_protection = var.environment == "prod"
  # Streamlit's WebSocket is quiet while nobody clicks.
  idle_timeout = 3600
}

resource "aws_lb_target_group" "web" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; the way to the tasks is inside the VPC

  name                 = "${local.name}-web"
  vpc_id               = local.vpc_id
  port                 = local.port
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 60

  health_check {
    path                = "/_stcore/health"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 4
  }

  # A browser's session lives in one task's memory: uploads, the WebSocket and the way back from sign-in must find it.
  stickiness {
    type            = "lb_cookie"
    cookie_duration = 86400
    enabled         = true
  }
}

#trivy:ignore:AVD-AWS-0054
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = var.certificate_arn == null ? "forward" : "redirect"
    target_group_arn = var.certificate_arn == null ? aws_lb_target_group.web.arn : null

    dynamic "redirect" {
      for_each = var.certificate_arn == null ? [] : [443]

      content {
        protocol    = "HTTPS"
        port        = redirect.value
        status_code = "HTTP_301"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  count             = var.certificate_arn == null ? 0 : 1
  load_balancer_arn = aws_lb.web.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
