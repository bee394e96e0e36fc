# What variables refuse. Each run is a plan that must fail at the named variable.
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  environment        = "prod"
  project            = "mmm-project"
  region             = "europe-west3"
  bucket             = "mmm-app-output-gcp"
  web_image          = "europe-west3-docker.pkg.dev/mmm-project/mmm-app/web:latest"
  training_image     = "europe-west3-docker.pkg.dev/mmm-project/mmm-app/training:latest"
  auth_client_id     = "id.apps.googleusercontent.com"
  auth_client_secret = "client secret value"
  auth_cookie_secret = "cookie secret of 32 characters.."
  sf_private_key     = "-----BEGIN PRIVATE KEY-----"
  access             = { admins = ["ann@example.com"] }
}

run "environment" {
  command         = plan
  expect_failures = [var.environment]
  variables { environment = "test" }
}

run "project" {
  command         = plan
  expect_failures = [var.project]
  variables { project = "My Project" }
}

run "region" {
  command         = plan
  expect_failures = [var.region]
  variables { region = "us-east-1" }
}

run "service_name" {
  command         = plan
  expect_failures = [var.service_name]
  variables { service_name = "a-name-that-is-too-long" }
}

run "bucket" {
  command         = plan
  expect_failures = [var.bucket]
  variables { bucket = "My_Bucket" }
}

run "images" {
  command         = plan
  expect_failures = [var.web_image, var.training_image]
  variables {
    web_image      = "web"
    training_image = "training:"
  }
}

run "domain_name" {
  command         = plan
  expect_failures = [var.domain_name]
  variables { domain_name = "https://mmm.example.com" }
}

run "access" {
  command         = plan
  expect_failures = [var.access]
  variables { access = { admins = ["ann@example.com"], default_role = "owner" } }
}

run "sizes" {
  command         = plan
  expect_failures = [var.web, var.training]
  variables {
    web      = { min = 3, max = 2 }
    training = { cpu = 4, memory = 32768 }
  }
}

run "settings" {
  command         = plan
  expect_failures = [var.settings]
  variables { settings = { AUTH_CLIENT_SECRET = "x" } }
}

run "monthly_budget" {
  command         = plan
  expect_failures = [var.monthly_budget]
  variables { monthly_budget = 100 }
}

run "github_repository" {
  command         = plan
  expect_failures = [var.github_repository]
  variables { github_repository = "mmm-app" }
}

run "alarm_email" {
  command         = plan
  expect_failures = [var.alarm_email]
  variables { alarm_email = "ann" }
}

run "secrets" {
  command         = plan
  expect_failures = [var.auth_client_id, var.auth_client_secret, var.auth_cookie_secret, var.sf_private_key]
  variables {
    auth_client_id     = ""
    auth_client_secret = ""
    auth_cookie_secret = "short"
    sf_private_key     = ""
  }
}
