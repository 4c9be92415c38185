mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
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
    model     = { dpu = 0.0625 }
    transform = { dpu = 1, arguments = { "--memory-mb" = "6400" } }
  }
  max_concurrent_runs = 7
  timeout_minutes     = 45
}

run "with_the_variables_above" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  # Makes python shell jobs.
  assert {
    condition     = alltrue([for job in values(aws_glue_job.this) : job.command[0].name == "pythonshell" && job.command[0].python_version == "3.9" && job.max_retries == 0 && job.timeout == 45 && job.execution_property[0].max_concurrent_runs == 7])
    error_message = "These jobs are Python shell 3.9, with the time-out and concurrency given; retries belong to the state machine."
  }

  assert {
    condition     = { for name, job in aws_glue_job.this : name => job.max_capacity } == { ingest = 0.0625, model = 0.0625, transform = 1 }
    error_message = "Each job has its own size."
  }

  assert {
    condition     = aws_glue_job.this["ingest"].name == "lake-ingest" && aws_glue_job.this["transform"].name == "lake-transform"
    error_message = "Jobs are named <name>-<job>."
  }

  # Gives the jobs their code and packages.
  assert {
    condition     = alltrue([for name, job in aws_glue_job.this : can(regex("^s3://lake/code/[0-9a-f]{16}/${name}\\.py$", job.command[0].script_location))])
    error_message = "Scripts lie in code/<digest>/."
  }

  assert {
    condition     = aws_glue_job.this["ingest"].default_arguments["--extra-py-files"] == "${aws_glue_job.this["ingest"].default_arguments["--code"]}bootstrap.py"
    error_message = "Glue is told of one module, which fetches the others from where --code says."
  }

  assert {
    condition = toset([for object in values(aws_s3_object.code) : "s3://lake/${object.key}"]) == toset([
      for file in fileset("jobs", "**/*.py") : "${aws_glue_job.this["ingest"].default_arguments["--code"]}${file}"
    ])
    error_message = "All files of one version of the code lie in one folder, as in the repository."
  }

  assert {
    condition = alltrue([for line in split("\n", trimspace(file("jobs/requirements.txt"))) :
      contains(split(",", aws_glue_job.this["transform"].default_arguments["--additional-python-modules"]), line) if !startswith(line, "#")
    ])
    error_message = "The packages are ${aws_glue_job.this["transform"].default_arguments["--additional-python-modules"]}; jobs/requirements.txt names others."
  }

  assert {
    condition     = alltrue([for job in values(aws_glue_job.this) : job.default_arguments["--pinned-packages"] == job.default_arguments["--additional-python-modules"]])
    error_message = "What a script has to import is what Glue installs."
  }

  assert {
    condition     = alltrue([for job in values(aws_glue_job.this) : job.command[0].python_version == jsondecode(file("jobs/runtimes.json")).python_shell.python])
    error_message = "The packages are pinned for the Python of jobs/runtimes.json."
  }

  assert {
    condition     = aws_glue_job.this["ingest"].default_arguments["--bucket"] == "lake" && aws_glue_job.this["ingest"].default_arguments["library-set"] == "none"
    error_message = "The jobs need --bucket, and no packages besides their own."
  }

  assert {
    condition     = aws_glue_job.this["transform"].default_arguments["--memory-mb"] == "6400" && !contains(keys(aws_glue_job.this["ingest"].default_arguments), "--memory-mb")
    error_message = "A job gets its own arguments, and only those."
  }

  # Lets models read all layers and write their own.
  assert {
    condition = sort(flatten([for row in local.statements.model : row.resources if contains(row.actions, "s3:PutObject")])) == tolist(formatlist("arn:aws:s3:::lake/%s", [
      "analytics/*", "runs/*/errors/*", "runs/*/model/*", "runs/*/stages/*", "state/built/analytics/*",
    ]))
    error_message = "Models write their tables, of what these were made, and reports, and nothing else: ${jsonencode(local.statements.model)}"
  }

  assert {
    condition     = sort(flatten([for row in local.statements.model : row.resources if contains(row.actions, "s3:DeleteObject")])) == tolist(["arn:aws:s3:::lake/analytics/*", "arn:aws:s3:::lake/runs/*/errors/*"])
    error_message = "Models delete in analytics/, and what an earlier attempt said of its failure: ${jsonencode(local.statements.model)}"
  }

  assert {
    condition = length(setsubtract(
      ["analytics/*", "code/*", "config/datasets/*", "config/models.json", "config/models/*", "config/pipeline.json", "processed/*", "raw/*", "runs/*/stages/*"],
      [for arn in flatten([for row in local.statements.model : row.resources if contains(row.actions, "s3:GetObject")]) : trimprefix(arn, "arn:aws:s3:::lake/")],
    )) == 0
    error_message = "Models read configuration, all layers and what became of earlier stages: ${jsonencode(local.statements.model)}"
  }

  # Lets ingest list its files and transform read of them.
  assert {
    condition     = [for row in local.statements.ingest : join(" ", row.actions) if row.resources == ["arn:aws:s3:::lake/runs/*/files/*", "arn:aws:s3:::lake/runs/*/ingest/*"]] == ["s3:GetObject s3:PutObject"]
    error_message = "Ingest writes what became of each file, and reads what an attempt that died has left: ${jsonencode(local.statements.ingest)}"
  }

  assert {
    condition     = contains(flatten([for row in local.statements.transform : row.resources if contains(row.actions, "s3:GetObject")]), "arn:aws:s3:::lake/runs/*/ingest/*") && !contains(flatten([for row in local.statements.transform : row.resources if contains(row.actions, "s3:PutObject")]), "arn:aws:s3:::lake/runs/*/ingest/*")
    error_message = "Transform reads the reports of ingest, and writes none: ${jsonencode(local.statements.transform)}"
  }

  # Lets every job say why it failed.
  assert {
    condition = alltrue([for job, rows in local.statements : [
      for row in rows : sort(row.actions) if row.resources == ["arn:aws:s3:::lake/runs/*/errors/*"]
    ] == [tolist(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"])]])
    error_message = "Each job writes an error file, and takes away a stale one: ${jsonencode(local.statements)}"
  }
}

run "makes_spark_jobs_of_the_same_scripts" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    jobs = {
      transform       = { dpu = 0.0625 }
      transform-spark = { spark = { worker_type = "G.2X", workers = 5 }, arguments = { "--max-object-mebibytes" = "64" } }
    }
  }

  assert {
    condition = (
      aws_glue_job.this["transform-spark"].name == "lake-transform-spark" &&
      aws_glue_job.this["transform-spark"].command[0].name == "glueetl" &&
      aws_glue_job.this["transform-spark"].command[0].python_version == "3" &&
      aws_glue_job.this["transform-spark"].command[0].script_location == aws_glue_job.this["transform"].command[0].script_location &&
      aws_glue_job.this["transform-spark"].glue_version == "5.1" &&
      aws_glue_job.this["transform-spark"].glue_version == jsondecode(file("jobs/runtimes.json")).spark.glue_version &&
      aws_glue_job.this["transform-spark"].worker_type == "G.2X" &&
      aws_glue_job.this["transform-spark"].number_of_workers == 5 &&
      aws_glue_job.this["transform-spark"].timeout == 45 &&
      aws_glue_job.this["transform-spark"].max_retries == 0
    )
    error_message = "A Spark job runs the script of its twin on Glue 5.1: ${jsonencode(aws_glue_job.this["transform-spark"].command)}"
  }

  assert {
    condition     = aws_glue_job.this["transform-spark"].default_arguments["--enable-auto-scaling"] == "true" && aws_glue_job.this["transform-spark"].default_arguments["--max-object-mebibytes"] == "64" && !contains(keys(aws_glue_job.this["transform-spark"].default_arguments), "library-set")
    error_message = "The arguments are ${jsonencode(aws_glue_job.this["transform-spark"].default_arguments)}."
  }

  assert {
    condition     = alltrue([for argument in ["--additional-python-modules", "--bucket", "--code", "--extra-py-files", "--pinned-packages"] : aws_glue_job.this["transform-spark"].default_arguments[argument] == aws_glue_job.this["transform"].default_arguments[argument]])
    error_message = "Packages and modules are those of the Python shell."
  }

  assert {
    condition = { for row in local.statements["transform-spark"] : row.sid => row if !contains(keys({ for twin in local.statements.transform : twin.sid => twin if twin == row }), row.sid) } == {
      WriteLogs = { sid = "WriteLogs", actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], resources = ["arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/jobs/*"], condition = null }
    }
    error_message = "Spark may do what the Python shell may, and logs elsewhere: ${jsonencode(local.statements["transform-spark"])}"
  }
}

run "runs_the_same_jobs_on_glue_spark" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    jobs = {
      ingest          = { spark = { worker_type = "G.1X", workers = 2 } }
      transform       = { spark = { worker_type = "G.1X", workers = 2 }, arguments = { "--memory-mb" = "2000" } }
      transform-spark = { spark = { worker_type = "G.1X", workers = 5 } }
    }
  }

  assert {
    condition = alltrue([for job in ["ingest", "transform"] : (
      aws_glue_job.this[job].name == "lake-${job}" &&
      aws_glue_job.this[job].command[0].name == "glueetl" &&
      aws_glue_job.this[job].command[0].python_version == "3" &&
      aws_glue_job.this[job].glue_version == "5.1" &&
      aws_glue_job.this[job].worker_type == "G.1X" &&
      aws_glue_job.this[job].number_of_workers == 2 &&
      aws_glue_job.this[job].timeout == 45 &&
      aws_glue_job.this[job].max_retries == 0 &&
      aws_glue_job.this[job].execution_property[0].max_concurrent_runs == 7
    )])
    error_message = "The jobs keep their names and run on two workers of Glue 5.1."
  }

  assert {
    condition     = { for name, value in aws_glue_job.this["transform"].default_arguments : name => value if !contains(["--additional-python-modules", "--code", "--extra-py-files", "--pinned-packages"], name) } == { "--bucket" = "lake", "--enable-job-insights" = "false", "--memory-mb" = "2000" }
    error_message = "No argument is for a Python shell, none for Spark, and none makes Glue log or count more: ${jsonencode(aws_glue_job.this["transform"].default_arguments)}"
  }

  assert {
    condition     = alltrue([for argument in ["--additional-python-modules", "--code", "--extra-py-files"] : aws_glue_job.this["ingest"].default_arguments[argument] == aws_glue_job.this["transform-spark"].default_arguments[argument]])
    error_message = "Packages and modules are those of every other job."
  }

  assert {
    condition     = [for row in local.statements.transform : row.resources if row.sid == "WriteLogs"] == [["arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/jobs/*"]]
    error_message = "The jobs log where Spark jobs do: ${jsonencode(local.statements.transform)}"
  }

  assert {
    condition     = aws_glue_job.this["ingest"].description == "Turns the files of one dataset into Parquet in raw/."
    error_message = "What a job does is the same on both runtimes: ${aws_glue_job.this["ingest"].description}"
  }

  assert {
    condition     = { for job, runtime in terraform_data.runtime : job => runtime.input } == { ingest = "spark", transform = "spark", transform-spark = "spark" }
    error_message = "A job is made anew when its runtime changes: ${jsonencode({ for job, runtime in terraform_data.runtime : job => runtime.input })}"
  }
}

run "refuses_a_job_of_two_runtimes" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    jobs = { model-spark = { dpu = 1, spark = { worker_type = "G.1X", workers = 2 } } }
  }

  expect_failures = [var.jobs]
}

run "refuses_a_job_of_no_runtime" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    jobs = { model = {} }
  }

  expect_failures = [var.jobs]
}

run "refuses_a_twin_in_a_python_shell" {
  command = plan

  module {
    source = "./modules/jobs"
  }

  variables {
    jobs = { model-spark = { dpu = 1 } }
  }

  expect_failures = [var.jobs]
}
