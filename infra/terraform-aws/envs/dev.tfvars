environment = "dev"
region      = "us-east-1"
bucket      = "mmm-app-output-aws-dev"

web                = { cpu = 1024, memory = 2048, min = 1, max = 1 }
training           = { cpu = 4096, memory = 16384 }
log_retention_days = 14

# No NAT gateway and no interface endpoints: about 100 dollars a month less. Nobody gets in by the tasks' public addresses.
nat_gateways = 0

# As in prod.tfvars: domain_name, certificate_arn, access, snowflake, alarm_email.
