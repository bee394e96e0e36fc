output "web_service_url" {
  description = "The app's address."
  value       = local.public_url
}

output "alb_dns_name" {
  description = "What domain_name must point to (CNAME or alias)."
  value       = aws_lb.web.dns_name
}

output "alb_arn" {
  description = "The load balancer, to associate a web application firewall with."
  value       = aws_lb.web.arn
}

output "oauth_redirect_uri" {
  description = "What the sign-in provider must have as an authorised redirect URI."
  value       = "${local.public_url}/oauth2callback"
}

output "target_group_arn" {
  description = "For `aws elbv2 describe-target-health`."
  value       = aws_lb_target_group.web.arn
}

output "security_group_ids" {
  description = "For `aws ec2 describe-security-groups`."
  value = {
    alb       = aws_security_group.alb.id
    web       = aws_security_group.web.id
    training  = aws_security_group.training.id
    endpoints = aws_security_group.endpoints.id
  }
}

output "bucket" {
  description = "The workspace's bucket."
  value       = module.storage.bucket
}

output "ecs_cluster" {
  description = "The cluster's name."
  value       = aws_ecs_cluster.this.name
}

output "ecs_service" {
  description = "The web service's name."
  value       = aws_ecs_service.web.name
}

output "training_task_definition" {
  description = "The training task's newest revision."
  value       = aws_ecs_task_definition.training.arn
}
