terraform {
  # 1.11: the state's lock file and write-only arguments, which keep secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # Workspaces prod and dev have a state each: env:/prod/..., env:/dev/...
  backend "s3" {
    bucket       = "mmm-tf-state"
    key          = "mmm-app/terraform.tfstate"
    region       = "us-east-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      app         = var.service_name
      environment = var.environment
      managed-by  = "terraform"
    }
  }
}
