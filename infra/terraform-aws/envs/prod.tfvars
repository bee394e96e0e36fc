environment = "prod"
region      = "us-east-1"
bucket      = "mmm-app-output-aws"

web = { min = 1, max = 4 }

# Yours to set before anybody can sign in (docs/AWS_DEPLOYMENT.md):
# domain_name     = "mmm.example.com"
# certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/..."
# access          = { allowed_domains = ["example.com"], admins = ["ann@example.com"] }
# snowflake       = { account = "MYORG-SHOP", user = "MMM", role = "MMM_READER", warehouse = "WH" }
# alarm_email     = "ann@example.com"
# nat_gateways    = 2
# Without Snowflake: sf_private_key_exists = false
# monthly_budget  = 300
# backup_bucket   = "mmm-app-backup-eu-west-1"
