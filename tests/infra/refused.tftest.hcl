# What the variables refuse, before anything is planned.
mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b"] }
  }
}

variables {
  environment        = "prod"
  region             = "us-east-1"
  bucket             = "mmm-app-output-aws"
  web_image          = "registry.example.com/mmm-app-web:latest"
  training_image     = "registry.example.com/mmm-app-training@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  auth_client_id     = "id"
  auth_client_secret = "secret"
  auth_cookie_secret = "cookie secret of 32 characters.."
  sf_private_key     = "-----BEGIN PRIVATE KEY-----"
}

run "one_of_each" {
  command = plan
  variables {
    environment        = "staging"
    region             = "Virginia"
    service_name       = "Much too long a name for a load balancer"
    bucket             = "My_Bucket"
    web_image          = "mmm-app-web"
    training_image     = "registry.example.com/mmm-app-training:latest@sha256:0123"
    access             = { default_role = "owner" }
    web                = { min = 3, max = 2 }
    training           = { cpu = 8192, memory = 4096 }
    nat_gateways       = 3
    network            = { vpc_id = "vpc-1", load_balancer_subnets = ["subnet-1"], task_subnets = ["subnet-1"] }
    allowed_networks   = ["the office"]
    settings           = { AUTH_COOKIE_SECRET = "mine" }
    backup_bucket      = "My_Backup"
    vcpu_quota         = 0
    log_retention_days = 2
    alarm_email        = "ann"
    sf_private_key     = "path/to/key.pem"
    auth_client_id     = ""
    auth_client_secret = ""
    auth_cookie_secret = "short"
  }
  expect_failures = [
    var.environment, var.region, var.service_name, var.bucket, var.web_image, var.training_image, var.access, var.web,
    var.training, var.nat_gateways, var.log_retention_days, var.alarm_email, var.sf_private_key, var.auth_client_id,
    var.network, var.allowed_networks, var.settings, var.backup_bucket, var.vcpu_quota,
    var.auth_client_secret, var.auth_cookie_secret,
  ]
}

run "a_budget_that_tells_nobody" {
  command = plan
  variables {
    monthly_budget = 300
  }
  expect_failures = [var.monthly_budget, check.sign_in]
}

# An apply in a shell where the key was not exported must not delete it.
run "no_key" {
  command = plan
  variables {
    sf_private_key = ""
  }
  expect_failures = [var.sf_private_key, check.sign_in]
}

run "a_name_without_a_certificate" {
  command = plan
  variables {
    domain_name = "mmm.example.com"
  }
  expect_failures = [var.domain_name]
}

run "an_address_for_a_name" {
  command = plan
  variables {
    domain_name     = "https://mmm.example.com/"
    certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/1"
  }
  expect_failures = [var.domain_name]
}

run "a_certificate_of_another_region" {
  command = plan
  variables {
    domain_name     = "mmm.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1"
  }
  expect_failures = [var.certificate_arn]
}
