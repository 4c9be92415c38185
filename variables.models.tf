# Written by `make fmt` from modules/medallion/variables.models.tf: edit that one.

variable "models" {
  description = <<-EOT
    The models by name, which becomes the name of their tables in the analytics layer. The SQL of each is <models_directory>/<model>.sql. Fields of each:
    - stage: one of stages.
    - engine: what runs the SQL, duckdb (in a Python shell job, for what one machine can hold; default) or spark (on Glue for Spark).
    - partition_by: columns by which the table is partitioned, which the SQL has to make strings; default none.
    - checks: not_null (columns), unique (lists of columns), accepted_values (values by column, for columns that are no decimals, doubles or timestamps), row_count (min, max) and sql (by name: Athena SQL over the analytics tables that returns what is wrong). Default none.
    Default: null, the models of examples/retail while the samples customers, products and sales are among the datasets (source type sample) and the stages are the default ones, and none otherwise.
  EOT
  type = map(object({
    stage        = string
    engine       = optional(string, "duckdb")
    partition_by = optional(list(string), [])
    checks = optional(object({
      not_null        = optional(list(string), [])
      unique          = optional(list(list(string)), [])
      accepted_values = optional(map(list(string)), {})
      row_count = optional(object({
        min = optional(number)
        max = optional(number)
      }), {})
      sql = optional(map(string), {})
    }), {})
  }))
  default = null
}

variable "models_directory" {
  description = "Folder of the SQL of the models, <model>.sql each, relative to the folder in which Terraform runs; a module that calls this one begins it with its path.module. Default: null, which is examples/retail/models of this repository."
  type        = string
  default     = null
}

variable "stages" {
  description = "The stages of the models, in the order in which they run: a model may read tables of its own stage and of earlier ones. At most 50. Default: dimension, fact, mart."
  type        = list(string)
  default     = ["dimension", "fact", "mart"]
  nullable    = false
}
