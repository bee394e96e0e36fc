environment = "prod"
region      = "europe-west3"
# bucket    = "mmm-app-output-gcp" # names are the world's: take one of your own
# project   = "your-project"

web = { min = 1, max = 4 }

# Yours to set before anybody can sign in (docs/GCP_DEPLOYMENT.md):
# access            = { allowed_domains = ["example.com"], admins = ["ann@example.com"] }
# snowflake         = { account = "MYORG-SHOP", user = "MMM", role = "MMM_READER", warehouse = "WH" }
# alarm_email       = "ann@example.com"
# github_repository = "your-organisation/mmm-app"
# Without Snowflake: sf_private_key_exists = false
# monthly_budget    = 300 # with billing_account
