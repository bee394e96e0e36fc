variable "environment" {
  description = "prod or dev; the workspace of the same name holds its state."
  type        = string

  validation {
    condition     = contains(["prod", "dev"], var.environment)
    error_message = "Use prod or dev."
  }

  validation {
    condition     = contains([var.environment, "default"], terraform.workspace)
    error_message = "This is workspace ${terraform.workspace}, but the variables are those of ${var.environment}: run `terraform workspace select ${var.environment}` or name the other file of envs/."
  }
}

variable "region" {
  description = "Where everything runs, such as us-east-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-\\d+$", var.region))
    error_message = "Use a region's name, such as us-east-1."
  }
}

variable "service_name" {
  description = "The names' beginning; dev's names get -dev behind it."
  type        = string
  default     = "mmm-app"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.service_name))
    error_message = "Use up to 16 lower-case letters, digits and hyphens, a letter first: load balancers' names are short."
  }
}

variable "bucket" {
  description = "The bucket of the workspace (data, runs, results). It must exist: the guide's step 4 creates it, Terraform then takes it over."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "Use 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "web_image" {
  description = "The web app's image, with tag or digest."
  type        = string

  validation {
    condition     = can(regex("^[^\\s:@]+/[^\\s:@]+(:[\\w.-]+)?(@sha256:[0-9a-f]{64})?$", var.web_image))
    error_message = "Use registry/repository:tag or registry/repository@sha256:digest."
  }
}

variable "training_image" {
  description = "The training task's image, with tag or digest."
  type        = string

  validation {
    condition     = can(regex("^[^\\s:@]+/[^\\s:@]+(:[\\w.-]+)?(@sha256:[0-9a-f]{64})?$", var.training_image))
    error_message = "Use registry/repository:tag or registry/repository@sha256:digest."
  }
}

variable "domain_name" {
  description = "The name people type, such as mmm.example.com; with certificate_arn."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "Use a name such as mmm.example.com, without https:// and without a path."
  }

  validation {
    condition     = (var.domain_name == null) == (var.certificate_arn == null)
    error_message = "domain_name and certificate_arn belong together: set both or neither."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of domain_name in this region. Without it the load balancer answers on HTTP and nobody can sign in."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:${var.region}:\\d{12}:certificate/", var.certificate_arn))
    error_message = "Use an ACM certificate's ARN in the region ${var.region}."
  }
}

variable "access" {
  description = "Who may come in: domains of e-mail addresses, single addresses, addresses with the roles admin and analyst, and the role of everybody else."
  type = object({
    allowed_domains = optional(list(string), [])
    allowed_emails  = optional(list(string), [])
    admins          = optional(list(string), [])
    analysts        = optional(list(string), [])
    default_role    = optional(string, "viewer")
  })
  default = {}

  validation {
    condition     = contains(["viewer", "analyst", "admin"], var.access.default_role)
    error_message = "default_role is viewer, analyst or admin."
  }
}

variable "snowflake" {
  description = "The ready Snowflake connection, without its key: account and user, optionally role, warehouse, database, schema."
  type = object({
    account   = string
    user      = string
    role      = optional(string)
    warehouse = optional(string)
    database  = optional(string)
    schema    = optional(string)
  })
  default = null
}

variable "web" {
  description = "Size of one web task (CPU units, MiB) and how many of them there are at least and at most."
  type = object({
    cpu    = optional(number, 2048)
    memory = optional(number, 4096)
    min    = optional(number, 1)
    max    = optional(number, 4)
  })
  default = {}

  validation {
    condition     = 1 <= var.web.min && var.web.min <= var.web.max
    error_message = "At least one task, and no fewer at most than at least."
  }
}

variable "training" {
  description = "Size of a training task (CPU units, MiB)."
  type = object({
    cpu    = optional(number, 8192)
    memory = optional(number, 32768)
  })
  default = {}

  validation {
    condition     = contains([1024, 2048, 4096, 8192, 16384], var.training.cpu) && var.training.memory >= 2 * var.training.cpu && var.training.memory <= 8 * var.training.cpu
    error_message = "Fargate has 1024, 2048, 4096, 8192 or 16384 CPU units, with two to eight times as many MiB."
  }
}

variable "nat_gateways" {
  description = "1, or 2 to outlive the loss of an availability zone. 0 saves the gateway and the interface endpoints: tasks then have public addresses, which still let nobody in."
  type        = number
  default     = 1

  validation {
    condition     = contains([0, 1, 2], var.nat_gateways)
    error_message = "Use 0, 1 or 2."
  }
}

variable "network" {
  description = "A network of your own in place of the one that Terraform makes: its VPC, and two subnets each for the load balancer and for the tasks. It must reach S3, ECR, CloudWatch Logs and Secrets Manager; nat_gateways does not count then."
  type = object({
    vpc_id                = string
    load_balancer_subnets = list(string)
    task_subnets          = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.load_balancer_subnets) >= 2 && length(var.network.task_subnets) >= 1, false)
    error_message = "A load balancer needs subnets in two zones, the tasks at least one."
  }
}

variable "internal" {
  description = "Whether the load balancer has addresses inside the network only."
  type        = bool
  default     = false
}

variable "allowed_networks" {
  description = "From where the load balancer may be reached, as CIDR blocks."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_networks) > 0 && alltrue([for block in var.allowed_networks : can(cidrhost(block, 0))])
    error_message = "Use CIDR blocks, such as 203.0.113.0/24."
  }
}

variable "settings" {
  description = "Settings of the app by the names of its environment variables (docs/command-line.md), such as { MMM_LOG_LEVEL = \"DEBUG\" }. They win over what Terraform would set; secrets are not among them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : contains(local.settable, name)])
    error_message = "Only these can be set here: ${join(", ", local.settable)}."
  }
}

variable "backup_bucket" {
  description = "A bucket in another region that keeps a copy of everything in the workspace's. It must exist and have versions; null: no copy."
  type        = string
  default     = null

  validation {
    condition     = var.backup_bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.backup_bucket))
    error_message = "Use a bucket's name: 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "vcpu_quota" {
  description = "The account's quota of Fargate vCPUs (Service Quotas, \"Fargate On-Demand vCPU resource count\"): an alarm tells at 80 % of it. New accounts have few."
  type        = number
  default     = 16

  validation {
    condition     = var.vcpu_quota >= 1
    error_message = "Use the number that Service Quotas shows."
  }
}

variable "monthly_budget" {
  description = "Dollars a month; alarm_email is told at 80 % and when they are likely to be passed. null: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget == null || try(var.monthly_budget > 0 && var.alarm_email != null, false)
    error_message = "A budget is more than 0, and needs alarm_email."
  }
}

variable "immutable_tags" {
  description = "Whether an image's tag can be used once only. The guide pushes :latest again and again, which this would refuse."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the tasks' output."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "CloudWatch knows 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 and 731 days."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms; AWS asks this address for its consent first. null: alarms are only shown in CloudWatch."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "Use an e-mail address."
  }
}

variable "sf_private_key_exists" {
  description = "Whether there is a Snowflake key. false removes its secret; an apply that merely lacks the key is refused instead."
  type        = bool
  default     = true
}

variable "sf_private_key" {
  description = "Snowflake's private key (PEM). From TF_VAR_sf_private_key."
  type        = string
  sensitive   = true
  default     = ""

  validation {
    condition     = var.sf_private_key_exists == (var.sf_private_key != "")
    error_message = "Export TF_VAR_sf_private_key=\"$(cat key.pem)\" (this apply would otherwise lose the key), or set sf_private_key_exists = false where there is no Snowflake, and leave the key out."
  }

  validation {
    condition     = var.sf_private_key == "" || can(regex("PRIVATE KEY-----", var.sf_private_key))
    error_message = "This is no PEM private key: export TF_VAR_sf_private_key=\"$(cat key.pem)\"."
  }
}

variable "auth_client_id" {
  description = "The OAuth client's id. From TF_VAR_auth_client_id."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.auth_client_id) > 0
    error_message = "Export TF_VAR_auth_client_id."
  }
}

variable "auth_client_secret" {
  description = "The OAuth client's secret. From TF_VAR_auth_client_secret."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.auth_client_secret) > 0
    error_message = "Export TF_VAR_auth_client_secret."
  }
}

variable "auth_cookie_secret" {
  description = "Signs the sign-in cookies, at least 32 random characters. From TF_VAR_auth_cookie_secret."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.auth_cookie_secret) >= 32
    error_message = "Use at least 32 random characters."
  }
}
