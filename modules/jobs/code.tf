locals {
  _requirement_lines = split("\n", file("${var.code_directory}/requirements.txt"))
  # Glue takes pip requirements as a comma list: without comments and blank lines.
  requirements = compact([for line in local._requirement_lines : trimspace(split("#", line)[0])])

  # A job and its twin on Spark run the same script.
  _scripts = { for job in keys(var.jobs) : job => trimsuffix(job, "-spark") }
  scripts  = { for job, script in local._scripts : job => "${script}.py" }
  files    = fileset(var.code_directory, "**/*.py")

  # All files share a folder named after their content. A change of code makes a new folder, then moves the
  # jobs to it, then removes the old one: no run ever mixes two versions of the code, which with fixed keys
  # it would if it began during an upload.
  _digests = [for file in sort(local.files) : "${file} ${filesha256("${var.code_directory}/${file}")}"]
  # And with another key, objects are made anew: what the provider has read of an object's encryption, it would send again.
  folder = "code/${substr(sha256(join("\n", concat(local._digests, compact([var.kms_key_arn])))), 0, 16)}"
}

resource "aws_s3_object" "code" {
  for_each = local.files

  bucket       = var.bucket.name
  key          = "${local.folder}/${each.value}"
  source       = "${var.code_directory}/${each.value}"
  source_hash  = filesha256("${var.code_directory}/${each.value}")
  content_type = "text/x-python"

  # An object takes ten tags at most, and these are cost tags: the bucket has them.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
