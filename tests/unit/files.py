"""Makes files of the kinds that the readers' tests need, and says how they are read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from medallion.contract.contract import Contract
from medallion.readers.raw_object import RawObject

# The fixture `make_contract`: columns and settings -> the contract.
MakeContract = Callable[..., Contract]
# The fixture `read`: bytes, columns and settings of the contract -> the raw object and its rows.
Read = Callable[..., tuple[RawObject, pd.DataFrame]]


def zip_of(**members: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def parquet_of(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()
