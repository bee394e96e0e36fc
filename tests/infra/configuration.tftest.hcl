# What Terraform plans and applies with a mocked provider; the Python tests read the state of each run.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
  mock_resource "aws_lb" {
    defaults = { dns_name = "mmm-app-web-1.us-east-1.elb.amazonaws.com", arn_suffix = "app/mmm-app-web/1" }
  }
  mock_resource "aws_vpc_endpoint" {
    defaults = { prefix_list_id = "pl-s3" }
  }

  override_resource {
    target = aws_ecs_cluster.this
    values = { arn = "arn:aws:ecs:us-east-1:111122223333:cluster/mmm-app-cluster" }
  }
  override_resource {
    target = aws_iam_role.training
    values = { arn = "arn:aws:iam::111122223333:role/mmm-app-training-task-role" }
  }
  override_resource {
    target = aws_iam_role.training_execution
    values = { arn = "arn:aws:iam::111122223333:role/mmm-app-training-execution-role" }
  }
}

variables {
  environment        = "prod"
  region             = "us-east-1"
  bucket             = "mmm-app-output-aws"
  web_image          = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mmm-app-web:latest"
  training_image     = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mmm-app-training:latest"
  auth_client_id     = "id.apps.googleusercontent.com"
  auth_client_secret = "client secret value"
  auth_cookie_secret = "cookie secret of 32 characters.."
  sf_private_key     = "-----BEGIN PRIVATE KEY-----"
  domain_name        = "mmm.example.com"
  certificate_arn    = "arn:aws:acm:us-east-1:111122223333:certificate/1"
  access             = { allowed_domains = ["example.com"], admins = ["ann@example.com", "bob@example.com"] }
  snowflake          = { account = "MYORG-SHOP", user = "MMM" }
  alarm_email        = "ann@example.com"
  nat_gateways       = 2
}

run "prod" {}

run "dev" {
  state_key = "dev"
  variables {
    environment  = "dev"
    bucket       = "mmm-app-output-aws-dev"
    nat_gateways = 0
  }
}

# In a network of the organisation's own, with everything that is off otherwise.
run "own" {
  state_key = "own"
  variables {
    network          = { vpc_id = "vpc-own", load_balancer_subnets = ["subnet-1", "subnet-2"], task_subnets = ["subnet-3"] }
    internal         = true
    allowed_networks = ["10.0.0.0/8"]
    backup_bucket    = "mmm-app-backup"
    monthly_budget   = 300
    settings         = { MMM_LOG_LEVEL = "DEBUG", AUTH_SERVER_METADATA_URL = "https://login.example.com/.well-known/openid-configuration" }
  }
}

# As the guide's first apply: nothing but envs/prod.tfvars, images and secrets.
run "first" {
  state_key = "first"
  variables {
    sf_private_key_exists = false
    sf_private_key        = ""
    domain_name           = null
    certificate_arn       = null
    access                = {}
    snowflake             = null
    alarm_email           = null
    nat_gateways          = 1
  }
  expect_failures = [check.sign_in]
}
