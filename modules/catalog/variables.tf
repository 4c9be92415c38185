variable "bucket" {
  description = "The bucket of the lake: name and arn."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "catalog_kms_key_arn" {
  description = "ARN of the key of the account's Data Catalog. Null: it is not encrypted, or with a key of AWS."
  type        = string
  default     = null
}

variable "context" {
  description = "Where the module is deployed: name (prefix of all names), account_id, partition, region, arn_format, a format string that takes the service and the rest of an ARN, and tags of all resources that take any (default none)."
  type = object({
    name       = string
    account_id = string
    partition  = string
    region     = string
    arn_format = string
    tags       = optional(map(string), {})
  })
  nullable = false
}

variable "database_prefix" {
  description = "Prefix of the databases: <prefix>_raw, <prefix>_processed and <prefix>_analytics."
  type        = string
  nullable    = false
}

variable "datasets" {
  description = "Contracts by dataset, as the root module's variable of that name has them, and validated there; group and triggers are filled in."
  type = map(object({
    approval = object({
      max_refused_percent    = number
      max_row_change_percent = number
      timeout_hours          = number
    })
    group    = string
    triggers = list(string)
    source = object({
      type  = string
      table = string
      rows  = number
      seed  = number

      allow_http = optional(bool)
      body       = optional(string)
      checksum   = optional(string)
      headers    = optional(map(string))
      max_bytes  = optional(number)
      method     = optional(string)
      paginate = optional(object({
        type      = string
        at        = string
        parameter = string
        start     = number
        step      = number
        max_pages = number
      }))
      query           = optional(map(string))
      records         = optional(string)
      redirect_hosts  = optional(list(string))
      secret          = optional(string)
      timeout_seconds = optional(number)
      url             = optional(string)
    })
    format      = string
    delimiter   = string
    encoding    = string
    null_values = list(string)
    columns = list(object({
      name     = string
      type     = string
      required = bool
      clean    = list(string)
      format   = string
    }))
    key      = list(string)
    order_by = list(string)
    filter   = string
    derive = list(object({
      name       = string
      type       = string
      expression = string
    }))
    partition_by = list(string)
    engine       = string
    checks = object({
      not_null        = list(string)
      unique          = list(list(string))
      accepted_values = map(list(string))
      row_count = object({
        min = number
        max = number
      })
      sql = map(string)
    })
  }))
  nullable = false
}

variable "force_destroy" {
  description = "Whether destroying the workgroup deletes its prepared statements and history."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key of the bucket. Null: the bucket has no key of its own."
  type        = string
  default     = null
}

variable "lake_formation" {
  description = "Whether Lake Formation governs the catalog or the bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "models" {
  description = "Models by name, as the root module's variable of that name has them, and validated there."
  type = map(object({
    stage        = string
    engine       = string
    partition_by = list(string)
    checks = object({
      not_null        = list(string)
      unique          = list(list(string))
      accepted_values = map(list(string))
      row_count = object({
        min = number
        max = number
      })
      sql = map(string)
    })
  }))
  nullable = false
}

variable "models_directory" {
  description = "Folder of the SQL of the models, <model>.sql each."
  type        = string
  nullable    = false
}

variable "scan_limit_mebibytes" {
  description = "Largest amount of data, in MiB (1,048,576 bytes), that one query may scan."
  type        = number
  nullable    = false
}

variable "security_configuration" {
  description = "Name of Glue's security configuration. Null: none."
  type        = string
  default     = null
}

variable "stages" {
  description = "Names of the stages, in the order in which they run."
  type        = list(string)
  nullable    = false
}
