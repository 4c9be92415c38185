variable "description" {
  description = "What the role is for, in one sentence."
  type        = string
  nullable    = false
}

variable "kms_key_arns" {
  description = "ARNs of the KMS keys that the role may use; those that are null count as none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "name" {
  description = "Name of the role, at most 64 characters."
  type        = string
  nullable    = false
}

variable "service" {
  description = "Service that takes the role, for example glue.amazonaws.com."
  type        = string
  nullable    = false
}

variable "statements" {
  description = "What the role may do. Fields: sid, actions (no service-wide wildcards), resources (ARNs) and condition (operator, then key, then values; default none)."
  type = list(object({
    sid       = string
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))))
  }))
  nullable = false

  validation {
    condition     = alltrue([for action in flatten(var.statements[*].actions) : !strcontains(action, "*")])
    error_message = "An action holds a wildcard: ${join(", ", [for action in flatten(var.statements[*].actions) : action if strcontains(action, "*")])}. Name each action that the role needs."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}
