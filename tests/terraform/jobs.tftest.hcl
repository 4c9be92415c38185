mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  context = {
    name       = "lake"
    account_id = "123456789012"
    partition  = "aws"
    region     = "us-east-1"
    arn_format = "arn:aws:%s:us-east-1:123456789012:%s"
  }
  bucket         = { name = "lake", arn = "arn:aws:s3:::lake" }
  code_directory = "jobs"
  jobs = {
    ingest    = { dpu = 0.0625 }
    transform = { dpu = 1, arguments = { "--memory-mb" = "6400" } }
  }
  max_concurrent_runs = 7
  timeout_minutes     = 45
}

run "makes_python_shell_jobs" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  assert {
    condition     = alltrue([for job in values(aws_glue_job.this) : job.command[0].name == "pythonshell" && job.command[0].python_version == "3.9" && job.max_retries == 0 && job.timeout == 45 && job.execution_property[0].max_concurrent_runs == 7])
    error_message = "Both jobs are Python shell 3.9, with the time-out and concurrency given; retries belong to the state machine."
  }

  assert {
    condition     = { for name, job in aws_glue_job.this : name => job.max_capacity } == { ingest = 0.0625, transform = 1 }
    error_message = "Each job has its own size."
  }

  assert {
    condition     = aws_glue_job.this["ingest"].name == "lake-ingest" && aws_glue_job.this["transform"].name == "lake-transform"
    error_message = "Jobs are named <name>-<job>."
  }
}

run "gives_the_jobs_their_code_and_packages" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  assert {
    condition     = alltrue([for name, job in aws_glue_job.this : can(regex("^s3://lake/code/[0-9a-f]{16}/${name}\\.py$", job.command[0].script_location))])
    error_message = "Scripts lie in code/<digest>/."
  }

  assert {
    condition     = toset([for file in split(",", aws_glue_job.this["ingest"].default_arguments["--extra-py-files"]) : basename(file)]) == setsubtract(fileset("jobs", "*.py"), ["ingest.py", "transform.py"])
    error_message = "Every shared module, and no script, goes by --extra-py-files."
  }

  assert {
    condition     = length(distinct([for object in values(aws_s3_object.code) : dirname(object.key)])) == 1
    error_message = "All files of one version of the code lie in one folder."
  }

  assert {
    condition = alltrue([for line in split("\n", trimspace(file("jobs/requirements.txt"))) :
      contains(split(",", aws_glue_job.this["transform"].default_arguments["--additional-python-modules"]), line) if !startswith(line, "#")
    ])
    error_message = "The packages are ${aws_glue_job.this["transform"].default_arguments["--additional-python-modules"]}; jobs/requirements.txt names others."
  }

  assert {
    condition     = aws_glue_job.this["ingest"].default_arguments["--bucket"] == "lake" && aws_glue_job.this["ingest"].default_arguments["library-set"] == "none"
    error_message = "The jobs need --bucket, and no packages besides their own."
  }

  assert {
    condition     = aws_glue_job.this["transform"].default_arguments["--memory-mb"] == "6400" && !contains(keys(aws_glue_job.this["ingest"].default_arguments), "--memory-mb")
    error_message = "A job gets its own arguments, and only those."
  }
}
