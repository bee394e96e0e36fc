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

variable "project" {
  description = "The id of the project that everything lies in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Use a project's id: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Where everything runs, such as europe-west3."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+\\d+$", var.region))
    error_message = "Use a region's name, such as europe-west3."
  }
}

variable "service_name" {
  description = "The names' beginning; dev's names get -dev behind it."
  type        = string
  default     = "mmm-app"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.service_name))
    error_message = "Use up to 16 lower-case letters, digits and hyphens, a letter first: accounts' names are short."
  }
}

variable "bucket" {
  description = "The bucket of the workspace (data, runs, results). Terraform makes it; names are the world's."
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
  description = "The name people type, such as mmm.example.com, mapped to the service by you; null: Cloud Run's own address, which has HTTPS."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "Use a name such as mmm.example.com, without https:// and without a path."
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
  description = "Size of one web instance (CPUs, MiB), how many of them there are at least and at most, and whether they have CPU between requests."
  type = object({
    cpu        = optional(number, 2)
    memory     = optional(number, 4096)
    min        = optional(number, 1)
    max        = optional(number, 4)
    cpu_always = optional(bool, true)
  })
  default = {}

  validation {
    condition     = 0 <= var.web.min && var.web.min <= var.web.max && var.web.max >= 1
    error_message = "At most one instance or more, and no fewer at most than at least."
  }
}

variable "training" {
  description = "Size of a training task (CPUs, MiB)."
  type = object({
    cpu    = optional(number, 8)
    memory = optional(number, 32768)
  })
  default = {}

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.training.cpu) && var.training.memory >= 512 && var.training.memory <= 4096 * var.training.cpu
    error_message = "Cloud Run has 1, 2, 4, 6 or 8 CPUs, with at most 4096 MiB for each."
  }
}

variable "internal" {
  description = "Whether the service is reached from inside the network and by a load balancer only."
  type        = bool
  default     = false
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

variable "monthly_budget" {
  description = "Dollars a month; alarm_email is told at 80 % and when they are likely to be passed. null: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget == null || try(var.monthly_budget > 0 && var.alarm_email != null && var.billing_account != null, false)
    error_message = "A budget is more than 0, and needs alarm_email and billing_account."
  }
}

variable "billing_account" {
  description = "The billing account that monthly_budget watches, such as 012345-6789AB-CDEF01."
  type        = string
  default     = null
}

variable "github_repository" {
  description = "owner/name of the repository whose workflows deploy; null: no workload identity federation."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.github_repository))
    error_message = "Use owner/name."
  }
}

variable "immutable_tags" {
  description = "Whether an image's tag can be used once only. The guide pushes :latest again and again, which this would refuse."
  type        = bool
  default     = false
}

variable "alarm_email" {
  description = "Who is told of alarms; null: alarms are only shown in Cloud Monitoring."
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
