environment = "dev"
region      = "europe-west3"
# bucket    = "mmm-app-output-gcp-dev" # names are the world's: take one of your own
# project   = "your-project"

# No instance while nobody looks, and no CPU between requests.
web      = { cpu = 1, memory = 2048, min = 0, max = 1, cpu_always = false }
training = { cpu = 4, memory = 16384 }

# As in prod.tfvars: access, snowflake, alarm_email.
