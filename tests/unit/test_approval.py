"""Thresholds: what passes them, and how it is said."""

from __future__ import annotations

import pytest

from medallion.runs import approval

NONE = (0, 0)


@pytest.mark.parametrize(
    ("limit", "here", "ingested", "expected"),
    [
        (5, (5, 100), NONE, None),
        (5, (0, 100), NONE, None),
        (5, NONE, NONE, None),
        (0, (0, 100), NONE, None),
        (100, (100, 100), (7, 7), None),
        # By the digits of the threshold: as binary fractions they are a little less.
        (0.7, (7, 1000), NONE, None),
        (1.1, (11, 1000), NONE, None),
        (5, (125, 1000), NONE, "refused rows are 12.50 % of 1,000, and 5 % are allowed"),
        (5.0, (51, 1000), NONE, "refused rows are 5.10 % of 1,000, and 5 % are allowed"),
        # What is just above does not read as the threshold itself.
        (5, (5001, 100_000), NONE, "refused rows are 5.01 % of 100,000, and 5 % are allowed"),
        (0, (1, 10**6), NONE, "refused rows are 0.01 % of 1,000,000, and 0 % are allowed"),
        (0.25, (1, 1), NONE, "refused rows are 100.00 % of 1, and 0.25 % are allowed"),
        (5, (5, 100), (5, 100), None),
        (
            5,
            (6, 100),
            (7, 100),
            "refused rows of this run's ingest are 7.00 % of 100, and 5 % are allowed",
        ),
        (5, (8, 100), (7, 100), "refused rows are 8.00 % of 100, and 5 % are allowed"),
        (
            5,
            NONE,
            (2, 2000),
            None,
        ),
        (
            5,
            NONE,
            (2000, 2000),
            "refused rows of this run's ingest are 100.00 % of 2,000, and 5 % are allowed",
        ),
    ],
)
def test_refused(
    limit: float, here: tuple[int, int], ingested: tuple[int, int], expected: str | None
) -> None:
    assert approval.refused(limit, here, ingested) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("limit", "rows", "previous", "expected"),
    [
        (50, 150, 100, None),
        (50, 50, 100, None),
        (0, 100, 100, None),
        (0, 100, 0, None),
        (50, 0, 0, None),
        (
            50,
            400,
            1000,
            "the number of rows changes by 60.00 %, from 1,000 to 400, and 50 % are allowed",
        ),
        (
            50,
            151,
            100,
            "the number of rows changes by 51.00 %, from 100 to 151, and 50 % are allowed",
        ),
        (
            50,
            150_001,
            100_000,
            "the number of rows changes by 50.01 %, from 100,000 to 150,001, and 50 % are allowed",
        ),
        (
            99.5,
            0,
            7,
            "the number of rows changes by 100.00 %, from 7 to 0, and 99.5 % are allowed",
        ),
        (
            1000,
            12_001,
            1,
            "the number of rows changes by 1,200,000.00 %, from 1 to 12,001, and 1,000 % are "
            "allowed",
        ),
    ],
)
def test_row_change(limit: float, rows: int, previous: int, expected: str | None) -> None:
    assert approval.row_change(limit, rows, previous) == ([expected] if expected else [])
