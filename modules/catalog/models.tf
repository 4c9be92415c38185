locals {
  graph = {
    stages = var.stages
    models = { for name, model in var.models : name => {
      stage        = model.stage
      engine       = model.engine
      partition_by = model.partition_by
      min_rows     = coalesce(model.checks.row_count.min, 0)
    } }
  }
}

resource "aws_s3_object" "models" {
  bucket       = var.bucket.name
  key          = "config/models.json"
  content      = jsonencode(local.graph)
  source_hash  = sha256(jsonencode(local.graph))
  content_type = "application/json"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.key]
  }

  # It must not name a model whose SQL is not there yet.
  depends_on = [aws_s3_object.sql]
}

# The jobs read the SQL in the bucket, and there it may be edited: only a change of the local file, by its hash,
# puts that file there again.
resource "aws_s3_object" "sql" {
  for_each = var.models

  bucket       = var.bucket.name
  key          = "config/models/${each.key}.sql"
  source       = "${var.models_directory}/${each.key}.sql"
  source_hash  = filesha256("${var.models_directory}/${each.key}.sql")
  content_type = "application/sql"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # Who edits an object in the bucket puts a new one, with the type and metadata of the tool's choice.
    ignore_changes       = [content_type, metadata]
    replace_triggered_by = [terraform_data.key]
  }
}
