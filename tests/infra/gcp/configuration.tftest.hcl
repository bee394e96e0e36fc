# What Terraform plans and applies with a mocked provider; the Python tests read the state of each run.
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "7" }
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
  access             = { allowed_domains = ["example.com"], admins = ["ann@example.com", "bob@example.com"] }
  snowflake          = { account = "MYORG-SHOP", user = "MMM" }
  alarm_email        = "ann@example.com"
  monthly_budget     = 300
  billing_account    = "012345-6789AB-CDEF01"
  github_repository  = "example/mmm-app"
  settings           = { MMM_LOG_LEVEL = "DEBUG" }
}

run "prod" {}

# As the file of dev's values has it, with nothing else set.
run "dev" {
  state_key = "dev"
  variables {
    environment           = "dev"
    bucket                = "mmm-app-output-gcp-dev"
    web                   = { cpu = 1, memory = 2048, min = 0, max = 1, cpu_always = false }
    training              = { cpu = 4, memory = 16384 }
    alarm_email           = null
    monthly_budget        = null
    github_repository     = null
    snowflake             = null
    sf_private_key        = ""
    sf_private_key_exists = false
    domain_name           = "mmm.example.com"
    settings              = {}
  }
}
