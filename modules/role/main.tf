# A role can only be passed to a service within its own account (iam:PassRole), so the trust policy
# needs no source condition; Glue sends none.
resource "aws_iam_role" "this" {
  name        = var.name
  description = var.description
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = var.service }
    }]
  })

  tags = var.tags
}

locals {
  statements = concat(
    [for statement in var.statements : merge(
      {
        Sid      = statement.sid
        Effect   = "Allow"
        Action   = statement.actions
        Resource = statement.resources
      },
      statement.condition == null ? null : { Condition = statement.condition },
    )],
    [for key_arns in [distinct(compact(var.kms_key_arns))] : {
      Sid    = "UseKeys"
      Effect = "Allow"
      # Encrypt is for Glue, whose guide asks for it; who may make data keys gains nothing by it.
      Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource = key_arns
    } if length(key_arns) > 0],
  )
}

resource "aws_iam_role_policy" "this" {
  name = "permissions"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
