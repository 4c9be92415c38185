"""What has to be approved by a person before it is published: thresholds, and what passes them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from medallion.errors import ObjectNotFound
from medallion.lake.footers import count_rows

if TYPE_CHECKING:
    from medallion.contract.contract import Approval
    from medallion.lake.objects import Lake
    from medallion.runs.report import Report


def reasons(lake: Lake, rules: Approval, report: Report) -> list[str]:
    """
    Say which thresholds the result of a transform passes.

    Parameters
    ----------
    lake, rules
        Where the table and the reports lie, and the thresholds. What no threshold asks for is not
        read.
    report
        Of the transform, with its counts of rows; names dataset and run.

    Returns
    -------
    list of str
        A sentence for each threshold that is passed, with what was found and what is allowed.

    Raises
    ------
    LakeError
        If an object of the processed table is not Parquet.
    """
    found = []
    if rules.max_refused_percent is not None:
        ingested = _ingested(lake, report)
        here = (report.rows.refused, report.rows.in_)
        found += refused(rules.max_refused_percent, here, ingested)
    if rules.max_row_change_percent is not None:
        previous = count_rows(lake, lake.processed_prefix(report.name))
        found += row_change(rules.max_row_change_percent, report.rows.out, previous)
    return found


def held(rules: Approval, why: list[str], fingerprint: str) -> dict[str, Any]:
    """Write what the report says of a table that waits for approval."""
    return {
        "reasons": why,
        "fingerprint": fingerprint,
        "timeout_seconds": rules.timeout_hours * 3600,
    }


def _ingested(lake: Lake, report: Report) -> tuple[int, int]:
    """Read how many rows this run's ingest refused, and of how many; of none without ingest."""
    try:
        document = lake.get_json(lake.report_key(report.run_id, "ingest", report.name))
    except ObjectNotFound:
        return 0, 0
    return document["rows"]["refused"], document["rows"]["in"]


def refused(limit: float, here: tuple[int, int], ingested: tuple[int, int]) -> list[str]:
    """Judge the larger share of refused rows; each pair is how many were refused, of how many."""
    shares = [
        (Fraction(few, all_), all_, whose)
        for (few, all_), whose in ((here, ""), (ingested, " of this run's ingest"))
        if all_
    ]
    share, rows, whose = max(shares, key=lambda item: item[0], default=(Fraction(), 0, ""))
    if share <= _share(limit):
        return []
    return [f"refused rows{whose} are {_percent(share)} of {rows:,}, and {_allowed(limit)}"]


def row_change(limit: float, rows: int, previous: int) -> list[str]:
    """Judge by how much the table grows or shrinks; one that had no rows is a first load."""
    change = Fraction(abs(rows - previous), previous) if previous else Fraction()
    if change <= _share(limit):
        return []
    return [
        f"the number of rows changes by {_percent(change)}, from {previous:,} to {rows:,}, and "
        f"{_allowed(limit)}"
    ]


def _share(percent: float) -> Fraction:
    # By its digits, so that 0.7 % of 1,000 rows is 7 rows and no more.
    return Fraction(str(percent)) / 100


def _percent(share: Fraction) -> str:
    # Rounded up: what is above a threshold must not read as the threshold itself.
    hundredths = math.ceil(share * 10_000)
    return f"{hundredths // 100:,}.{hundredths % 100:02} %"


def _allowed(limit: float) -> str:
    return f"{Decimal(str(limit)).normalize():,f} % are allowed"
