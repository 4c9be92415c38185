# Refuses a variable of the module that calls this one, if there is anything wrong with it.
variable "mistakes" {
  description = "What is wrong with the variable, a sentence or more each; nothing if it may be used."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.mistakes) == 0
    error_message = join("\n", var.mistakes)
  }
}

output "passed" {
  description = "Whether nothing is wrong with it; known once it is."
  value       = length(var.mistakes) == 0
}
