"""What we take to be so on AWS: each with what happens otherwise, and how it is probed.

The table in docs/aws-differences.md is written from this one: `make fmt`.
"""

from __future__ import annotations

from ops.conform import (
    probes_events,
    probes_glue,
    probes_limits,
    probes_plan,
    probes_spark,
    probes_states,
)
from ops.conform.findings import Assumption

_LOAD = "to see it, an account would have to be loaded to its limits"
_RACE = "a race that may not show for days"

ASSUMPTIONS: tuple[Assumption, ...] = (
    Assumption(
        "glue-code-rights",
        "Glue fetches scripts and `--extra-py-files` with GetObject and ListBucket on `code/*`.",
        "Jobs fail before their first line: add what was denied to `modules/jobs/roles.tf`.",
        probes_glue.code_rights,
    ),
    Assumption(
        "glue-arguments",
        "Arguments reach a script as they were given, `--name value`, whatever characters they "
        "hold, also those of a job's own, such as `--pinned-packages`. Glue adds some; JOB_NAME is "
        "not among them in a Python shell.",
        "Jobs refuse their command line, or fail with `ImportError: --pinned-packages is None`.",
        probes_glue.arguments,
    ),
    Assumption(
        "glue-shell-runtime",
        "A Python shell job has Python 3.9 and glibc 2.26.",
        "Wheels of `jobs/requirements.txt` may not install: choose them for what was found.",
        probes_glue.runtime,
    ),
    Assumption(
        "glue-shell-logs",
        "stdout of a Python shell job goes to `/aws-glue/python-jobs/output`, stderr to "
        "`/aws-glue/python-jobs/error`, in a stream named after the run.",
        "`make logs` and the mails point to the wrong place.",
        probes_glue.shell_logs,
    ),
    Assumption(
        "glue-error-message",
        "Glue's message of a Python shell job that ended with an exception is `Command failed with "
        "exit code 1`, whatever the exception.",
        "Nothing rests on it: mails and `make status` take the cause from the job's own file.",
        probes_glue.message,
    ),
    Assumption(
        "glue-killed-job",
        "A Python shell job that is killed has exit code 137.",
        "The number in Glue's message is another one.",
        unprobed="nothing rests on the number, and a job would have to be brought down for it",
    ),
    Assumption(
        "glue-failed-install",
        "Modules that cannot be installed end a Python shell run with `Command failed with exit "
        "code 1`; a Spark run with `LAUNCH ERROR` (awslabs/aws-glue-libs#175).",
        "Another ErrorMessage; the log has what pip wrote.",
        probes_glue.failed_install,
    ),
    Assumption(
        "glue-pinned-packages",
        "pip of Glue's Python shell knows tags such as manylinux_2_26, as 20.3 and newer do (one "
        "user saw 22.1.2, in pyca/cryptography#8749), and installs the pins into a folder on "
        "sys.path, beside or in place of Glue's own packages: `jobs/bootstrap.py` finds them.",
        "Each job fails with `ImportError`, which names the package, the version found and its "
        "place. If it is `duckdb`: pin 1.2.2, whose wheels are manylinux2014.",
        probes_glue.pinned_packages,
    ),
    Assumption(
        "glue-preloaded",
        "Glue has loaded no pyarrow, DuckDB or simplejson of another version before the script's "
        "first line: compiled packages cannot be exchanged.",
        "The job fails and says so. On Spark, pin the version that Glue has.",
        probes_glue.preloaded,
    ),
    Assumption(
        "glue-internet",
        "A job without a connection of Glue reaches servers of the internet. AWS's pages ask for "
        "a NAT gateway where it runs in a VPC (glue/latest/dg/getting-started-vpc-config), and for "
        "internet access to install modules (repost.aws/knowledge-center/"
        "glue-version2-external-python-libraries).",
        "Datasets with a source of type http fail with `SourceFailed`, and all jobs before their "
        "first line.",
        unprobed="every run installs its packages from the public index, and so shows it",
    ),
    Assumption(
        "secret-missing",
        "To read a secret that does not exist, with a right on `<name>-??????` alone, is "
        "AccessDenied or ResourceNotFound.",
        "Nothing: the job tells of either in the same words.",
        unprobed="nothing rests on which it is",
    ),
    Assumption(
        "glue-execution-class",
        "GetJob tells no `ExecutionClass` where none was set, as the provider's schema (no "
        "default, not computed) asks.",
        '`terraform plan` wants to unset it: set `execution_class = "STANDARD"`.',
        probes_glue.execution_class,
    ),
    Assumption(
        "glue-shell-workers",
        "`NumberOfWorkers` is refused of Python shell jobs, as `WorkerType` is "
        "(cloudposse/terraform-aws-glue#42).",
        "Nothing: a job that changes its runtime is made anew, and no update sends it.",
        probes_glue.shell_workers,
    ),
    Assumption(
        "spark-rights",
        "S3A as Glue 5.1 has it needs no more rights to read than that of Hadoop 3.3.1: to list "
        "and get, below the prefixes that a job reads. Nothing is written through it.",
        "Spark jobs fail with AccessDenied at their first read: CloudTrail names action and key.",
        probes_spark.rights,
    ),
    Assumption(
        "spark-modules",
        "`--additional-python-modules` of Spark jobs are installed before the script starts, from "
        "PyPI, with the pins of `jobs/requirements.txt` beside or in place of the pandas, numpy "
        "and pyarrow of Glue 5.1, and are what executors load, which import pyarrow before our own "
        "code.",
        "The run fails before its first line; its error log has what pip wrote.",
        probes_spark.modules,
    ),
    Assumption(
        "spark-worker-modules",
        "Modules are installed on every worker of a Spark job.",
        "Publishing a table fails with the `ImportError` of a missing package, from an executor.",
        probes_spark.rights,
    ),
    Assumption(
        "spark-logs",
        "Logs of Glue 5.1 go where the pages say of 5.0: stdout and stderr of the script to "
        "`/aws-glue/jobs/output`, Spark's log to `/aws-glue/jobs/error`, in a stream named after "
        "the run.",
        "`make logs` shows nothing of Spark jobs: look for streams that begin with the run's id.",
        probes_spark.script_log,
    ),
    Assumption(
        "spark-no-session",
        "A Spark job may end without a Spark session, as AWS's page on leaving Python shell "
        "(glue/latest/dg/pyshell-migration) implies, and its script has 2 GB at least beside the "
        "driver's heap.",
        'With `jobs.runtime = "spark"`, runs fail after the script\'s end, or with exit code 137: '
        "go back to `python_shell`.",
        probes_spark.no_session,
    ),
    Assumption(
        "spark-job-insights",
        "`--enable-job-insights = false` turns off the log streams of job insights.",
        "Runs on Glue 5.1 write one more stream, for cents.",
        probes_spark.job_insights,
    ),
    Assumption(
        "terraform-plan-empty",
        "A plan right after an apply is empty: AWS gives all settings back as they were set.",
        "Each apply changes something: the plan names it.",
        probes_plan.empty,
    ),
    Assumption(
        "crawler-table-level",
        "`TableLevelConfiguration` counts the bucket as level 1, as public modules do. AWS's page "
        "calls the level absolute, from the bucket, and the top level folder level 1.",
        "Tables lie a folder too deep, and `CheckTable` fails: table not found.",
        probes_glue.table_level,
    ),
    Assumption(
        "crawler-empty-target",
        "A crawler passes over a target without objects.",
        "A run with a dataset that has no rows yet fails at `CrawlRaw` or `CrawlProcessed`.",
        probes_glue.empty_target,
    ),
    Assumption(
        "crawler-partition-values",
        "Values of partitions in the catalog are the names of their folders, percent-encoded "
        "where these are.",
        "Conditions on partition columns with such values find nothing, or find other rows.",
        probes_glue.partition_values,
    ),
    Assumption(
        "athena-null-partition",
        "A partition whose value in the catalog is `__HIVE_DEFAULT_PARTITION__` reads as null.",
        "Rows whose partition column is null have that text instead.",
        probes_glue.null_partition,
    ),
    Assumption(
        "athena-parquet-nested",
        "Crawlers call lists of Parquet `array<…>` and groups `struct<…>`, which Athena reads so.",
        "Queries of such columns fail: make texts of them with `to_json` or `array_join`.",
        unprobed="the checks of examples/bookings read such columns: apply it to see",
    ),
    Assumption(
        "crawler-checks-targets",
        "CreateCrawler refuses a role that cannot read a target. The provider repeats the call for "
        "a role that cannot be assumed yet, not for access to a target.",
        "The local AWS refuses what AWS takes. Where it is so, a first `terraform apply` may fail "
        "at a crawler whose role is a moment old: apply again.",
        probes_glue.unreadable_target,
    ),
    Assumption(
        "crawler-partition-index",
        "With `CreatePartitionIndex` false, a crawler takes no right to partition indexes, and "
        "makes none.",
        "Crawls fail with AccessDenied: add `glue:CreatePartitionIndex` and "
        "`glue:GetPartitionIndexes` to the role in modules/catalog.",
        probes_glue.no_partition_index,
    ),
    Assumption(
        "glue-security-configuration",
        "Jobs and crawlers with a security configuration (`kms_key_arn`) log to groups below "
        "`/aws-glue/jobs`, `/aws-glue/python-jobs` and `/aws-glue/crawlers`, whose names hold "
        "those of role and configuration, and read it by `glue:GetSecurityConfiguration`.",
        "A role may not write its logs, and the run fails: widen `WriteLogs` in modules/jobs or "
        "modules/catalog.",
        unprobed="it takes a key, which the deployment does without",
    ),
    Assumption(
        "kms-services",
        "Alarms and rules use the key of topic and queue by its policy alone, without conditions.",
        "Mails of alarms do not come, and `FailedInvocations` counts: CloudTrail names the key.",
        unprobed="it takes a key, which the deployment does without",
    ),
    Assumption(
        "s3-digests",
        "S3 refuses a body that is not what its Content-MD5 or checksum says with BadDigest, one "
        "that breaks off with IncompleteBody, and passes over the Content-MD5 of a CopyObject.",
        "Nothing: boto3 and Spark send digests that are right.",
        unprobed="boto3 makes the digests that it sends",
    ),
    Assumption(
        "s3-copy-without-tags",
        "A copy with `TaggingDirective: REPLACE` and no tags takes no right to tags.",
        "`IngestDataset` fails with AccessDenied: grant `s3:PutObjectTagging` on archive/ and "
        "quarantine/.",
        probes_events.copied_without_tags,
    ),
    Assumption(
        "s3-object-range",
        "`aws-sdk:s3:getObject` takes `Range`, gives the whole of what is shorter, and is "
        "`S3.S3Exception` for an object without a byte.",
        "Reports and lists that are too large end a run with `States.DataLimitExceeded`.",
        probes_limits.object_range,
    ),
    Assumption(
        "s3-event-key",
        "The key in an S3 event is as it is in the bucket: not URL-encoded, as in S3's older "
        "notifications it is.",
        "Files with blanks or letters beyond ASCII in their folder are noted as unrouted; those "
        "below a dataset's folder are not affected, since only the folder is used.",
        probes_events.event_key,
    ),
    Assumption(
        "events-triggered-rules",
        "`TriggeredRules` with the dimension `RuleName` counts each match of a rule with an "
        "event, whatever its target does.",
        "The alarms `job-failed` and `crawl-failed` stay silent: put them on `Invocations` of the "
        "same rules.",
        probes_events.triggered_rules,
    ),
    Assumption(
        "events-mail-by-rule",
        "EventBridge may publish to the topic by a policy without a condition.",
        "No mail of runs that were cut off. The topic's policy has to change.",
        probes_events.mail_by_rule,
        confirmed=True,
    ),
    Assumption(
        "events-transformed-text",
        "An input transformer puts a value into a quoted text as it is. The one that is used takes "
        "ids, times and states, never keys or causes, which may hold quotes.",
        "A mail of a run that was cut off does not come, and `FailedInvocations` of that rule "
        "counts.",
        probes_events.transformed_text,
    ),
    Assumption(
        "cloudwatch-mail-by-alarm",
        "CloudWatch may publish to the topic by a policy with a condition on the account.",
        "No mail of alarms. The topic's policy has to change.",
        probes_events.mail_by_alarm,
        confirmed=True,
    ),
    Assumption(
        "states-event-error",
        "A status change event of Step Functions has the fields `error` and `cause`, null where "
        "there are none, and a run that ended FAILED by itself has the error `PipelineFailed` "
        "there.",
        "The rule `<name>-run-cut-off` mails runs that told of themselves, too, or misses those "
        "that broke off: match on `status` alone.",
        probes_states.status_event,
    ),
    Assumption(
        "states-denied-job",
        "A denied `StartJobRun` is neither `Glue.ThrottlingException` nor `Glue.AWSGlueException`, "
        "which are retried.",
        "It is reported only after the retries, up to 20 minutes later.",
        probes_states.denied_job,
    ),
    Assumption(
        "states-denied-object",
        "A denied call of S3 is `S3.S3Exception`, the name of what S3's model has no name for.",
        "The retries for S3 do not match what they are for.",
        probes_states.denied_object,
    ),
    Assumption(
        "states-run-named-already",
        "A start under a name that an ended run of another input has is "
        "`StepFunctions.ExecutionAlreadyExistsException`.",
        "Events of one window become dead letters: `StartPipeline` of `arrival` has to catch what "
        "was found.",
        probes_states.run_of_that_name,
    ),
    Assumption(
        "states-child-cause",
        "The cause of a failed `startExecution.sync:2` is JSON with the keys `Error`, `Cause` and "
        "`Status`, and with `InputDetails` after `Input`, as in causes that public projects keep.",
        "Results and mails say of a crawl, and of an execution that was cut off, only that it "
        "failed.",
        probes_states.child_cause,
    ),
    Assumption(
        "states-regular-expressions",
        "Step Functions' JSONata finds with `$match` and `$replace` what JSONata 2 does.",
        "Results and mails lack the causes that are cut out of longer texts.",
        probes_states.regular_expressions,
    ),
    Assumption(
        "states-map-results",
        "The results of a Map or a Parallel have to fit in 256 KiB together also where its Output "
        "makes less of them.",
        "The local AWS refuses what AWS takes.",
        probes_limits.map_results,
    ),
    Assumption(
        "states-large-variables",
        "Variables that are too large give `States.DataLimitExceeded`.",
        "The execution ends with another error name.",
        probes_limits.variables,
    ),
    Assumption(
        "states-limit-caught",
        "A catcher may name `States.DataLimitExceeded`, as the workflow of cdklabs/construct-hub "
        "does; it covers the input and the result of a task, and not the output of a state.",
        "A run ends where the local AWS goes on. No machine of the module rests on it.",
        probes_limits.caught,
    ),
    Assumption(
        "states-token-in-history",
        "A task token is in the execution's history, in the parameters of the task that was "
        "scheduled.",
        "`make approve` finds no request. The mail has the token: `make approve TOKEN='…'`.",
        probes_states.token_in_history,
    ),
    Assumption(
        "states-token-used",
        "A token that has been used gives `TaskTimedOut` or `TaskDoesNotExist`.",
        "`make approve` shows AWS's words in place of ours.",
        probes_states.used_token,
        confirmed=True,
    ),
    Assumption(
        "states-token-unknown",
        "A text that is no token gives `InvalidToken`.",
        "`make approve` shows AWS's words in place of ours.",
        probes_states.unknown_token,
    ),
    Assumption(
        "glue-throttled-job",
        "A throttled `StartJobRun` is `Glue.ThrottlingException` or `Glue.AWSGlueException`.",
        "It is not retried, and the dataset fails.",
        unprobed=_LOAD,
    ),
    Assumption(
        "states-express-bursts",
        "An Express execution may put an object, start a Standard one, send to SQS and put metrics "
        "within a second, and those of many files at once are not throttled.",
        "Events are retried, then become dead letters; the alarm tells, `make run` takes them.",
        unprobed=_LOAD,
    ),
    Assumption(
        "states-clocks",
        "`$millis()` and the windows of all arrivals go by clocks that differ by less than a "
        "second.",
        "A file near the end of a window makes a second run, which finds nothing to do.",
        unprobed=_RACE,
    ),
    Assumption(
        "console-hosts",
        "The console of GovCloud answers at console.amazonaws-us-gov.com, with the region as a "
        "parameter. AWS's own pages link to hosts of its regions there.",
        "Links in mails of a deployment in GovCloud lead nowhere.",
        unprobed="it takes an account of GovCloud, and somebody who is logged in there",
    ),
)
