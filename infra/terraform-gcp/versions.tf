terraform {
  # 1.11: write-only arguments, which keep secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.0"
    }
  }

  # Workspaces prod and dev have a state each. The bucket is named at init: names are the world's.
  backend "gcs" {
    prefix = "mmm-app"
  }
}

provider "google" {
  project = var.project
  region  = var.region

  default_labels = {
    app         = var.service_name
    environment = var.environment
    managed-by  = "terraform"
  }
}
