"""The files that are dropped: good ones under odd names, a torn one, and one to be approved."""

from __future__ import annotations

import gzip

HEADER = "return_id,sale_id,reason,returned_on\n"
_GOOD = (
    "1,10,too big,2024-03-01\n"
    "2,11,zu groß,2024-03-02\n"
    "3,12,100% wrong,2024-03-03\n"
    "4,13,n/a,2024-03-04\n"
    "5,14,too big,2024-03-05\n"
)
_LATER = "5,14,broken,2024-03-06\n6,15,broken,2024-03-07\n"
# Three of the five rows are refused, and so more than a fifth of all that are there.
_DOUBTFUL = (
    "7,16,too big,2024-03-08\n"
    "8,17,broken,2024-03-09\n"
    "x,18,broken,2024-03-10\n"
    "9,y,broken,2024-03-11\n"
    "10,19,broken,yesterday\n"
)

GOOD = {
    "returns.csv": (HEADER + _GOOD).encode(),
    "von Süden + 100%.csv.gz": gzip.compress((HEADER + _LATER).encode(), mtime=0),
}
REFUSED = {"torn.csv.gz": gzip.compress((HEADER + _GOOD).encode(), mtime=0)[:-12]}
DOUBTFUL = {"doubtful.csv": (HEADER + _DOUBTFUL).encode()}

# What is in processed/ when all of them are taken and the doubtful file is approved.
ROWS: tuple[tuple[str | None, ...], ...] = (
    ("1", "10", "too big", "2024-03-01"),
    ("2", "11", "zu groß", "2024-03-02"),
    # In a folder as Hive encodes it, and in the catalog as the folder is: crawler-partition-values.
    ("3", "12", "100%25 wrong", "2024-03-03"),
    ("4", "13", None, "2024-03-04"),
    ("5", "14", "broken", "2024-03-06"),
    ("6", "15", "broken", "2024-03-07"),
    ("7", "16", "too big", "2024-03-08"),
    ("8", "17", "broken", "2024-03-09"),
)
# What is in raw/ then: every line as it came.
LINES = tuple((_GOOD + _LATER + _DOUBTFUL).splitlines())
# The dataset that Spark transforms gets the good files alone.
SPARK_ROWS = ROWS[:6]
SPARK_LINES = tuple((_GOOD + _LATER).splitlines())
