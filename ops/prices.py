"""What AWS charges: the one place of prices, with their date.

Source: AWS's price lists, us-east-1. Other regions differ by some percent.
"""

from __future__ import annotations

DATE = "2026-11-28"
REGION = "us-east-1"

GLUE_DPU_HOUR = 0.44  # jobs and crawlers; billed by the second
JOB_LEAST_MINUTES = 1
CRAWL_LEAST_MINUTES = 10
STATE_TRANSITIONS_THOUSAND = 0.025
S3_PUT_THOUSAND = 0.005
S3_GET_THOUSAND = 0.0004
ATHENA_TERABYTE = 5.0
ATHENA_LEAST_MEGABYTES = 10
ALARM_MONTH = 0.10
