"""What a `make conform` on AWS costs, with the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from ops import prices


@dataclass(frozen=True)
class Cost:
    """One line of the estimate."""

    what: str
    how: str
    dollars: float


def estimate(*, spark: bool) -> list[Cost]:
    """Costs by what causes them; they are upper bounds of what such runs have taken.

    Three runs: the schedule's (three datasets, three stages of models), that of the files and
    that of the approval (one dataset and one stage each; two transforms where it is approved).
    """
    job_runs = (3 + 3 + 3) + 3 + 4 + 3  # the last three are for probes
    shell = prices.GLUE_DPU_HOUR / 60 / 16
    crawls = 3 + 2 + 2
    crawl = prices.GLUE_DPU_HOUR / 60 * prices.CRAWL_LEAST_MINUTES * 2
    found = [
        Cost(
            "Python shell jobs",
            f"{job_runs} runs x 2 minutes x 1/16 DPU x ${prices.GLUE_DPU_HOUR} a DPU-hour",
            job_runs * 2 * shell,
        ),
        Cost(
            "crawls",
            f"{crawls} crawls x {prices.CRAWL_LEAST_MINUTES} minutes at least x 2 DPU "
            f"x ${prices.GLUE_DPU_HOUR} a DPU-hour",
            crawls * crawl,
        ),
        Cost(
            "state machines",
            f"2,000 transitions x ${prices.STATE_TRANSITIONS_THOUSAND} a thousand",
            2 * prices.STATE_TRANSITIONS_THOUSAND,
        ),
        Cost(
            "Athena",
            f"60 queries x {prices.ATHENA_LEAST_MEGABYTES} MB at least "
            f"x ${prices.ATHENA_TERABYTE} a TB",
            60 * prices.ATHENA_LEAST_MEGABYTES / 1_000_000 * prices.ATHENA_TERABYTE,
        ),
        Cost(
            "S3",
            f"1,000 writes x ${prices.S3_PUT_THOUSAND}, 10,000 reads x ${prices.S3_GET_THOUSAND} "
            "a thousand",
            prices.S3_PUT_THOUSAND + 10 * prices.S3_GET_THOUSAND,
        ),
        Cost(
            "alarms, for an hour",
            f"10 alarms x ${prices.ALARM_MONTH} a month / 720",
            10 * prices.ALARM_MONTH / 720,
        ),
    ]
    if spark:
        found.append(
            Cost(
                "Spark jobs",
                f"3 runs x 4 minutes x 2 DPU x ${prices.GLUE_DPU_HOUR} a DPU-hour",
                3 * 4 / 60 * 2 * prices.GLUE_DPU_HOUR,
            )
        )
    return found
