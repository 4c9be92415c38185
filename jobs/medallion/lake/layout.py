"""Where each kind of object lies in the bucket of the lake."""

from __future__ import annotations

# S3 limits keys to 1,024 bytes; a file's own name is cut so that the longest prefix still fits.
_MAX_STEM_BYTES = 400


class Layout:
    """The keys and prefixes of the lake."""

    @staticmethod
    def contract_key(dataset: str) -> str:
        return f"config/datasets/{dataset}.json"

    @staticmethod
    def models_key() -> str:
        return "config/models.json"

    @staticmethod
    def model_sql_key(model: str) -> str:
        return f"config/models/{model}.sql"

    @staticmethod
    def report_key(run_id: str, job: str, name: str) -> str:
        """Return the key of a job's report on a dataset, or on a model."""
        return f"runs/{run_id}/{job}/{name}.json"

    @staticmethod
    def error_key(run_id: str, job: str, name: str) -> str:
        """Return the key of what ended a job that failed, on a dataset or on a stage."""
        return f"runs/{run_id}/errors/{job}-{name}.json"

    @staticmethod
    def files_key(run_id: str, dataset: str) -> str:
        """Return the key of the list of all files that a run has ingested."""
        return f"runs/{run_id}/files/{dataset}.json"

    @staticmethod
    def seen_key(dataset: str, digest: str) -> str:
        """Return the key of the note that says where a file is in raw/."""
        return f"state/seen/{dataset}/{digest}.json"

    @staticmethod
    def result_key(run_id: str) -> str:
        """Return the key of the account that a run leaves at its end."""
        return f"runs/{run_id}/result.json"

    @staticmethod
    def settled_key(dataset: str) -> str:
        return f"state/settled/{dataset}.json"

    @staticmethod
    def built_key(prefix: str) -> str:
        """Return the key of the record of how the table under a prefix was made."""
        return f"state/built/{prefix.rstrip('/')}.json"

    @staticmethod
    def source_key(dataset: str) -> str:
        return f"state/sources/{dataset}.json"

    @staticmethod
    def stage_summary_key(run_id: str, stage: str) -> str:
        return f"runs/{run_id}/stages/{stage}.json"

    @staticmethod
    def stage_checks_key(run_id: str, stage: str, number: int) -> str:
        return f"runs/{run_id}/stages/{stage}-checks-{number}.json"

    @staticmethod
    def stage_not_built_key(run_id: str, stage: str) -> str:
        return f"runs/{run_id}/stages/{stage}-not-built.json"

    @staticmethod
    def incoming_prefix(dataset: str) -> str:
        return f"incoming/{dataset}/"

    @staticmethod
    def raw_prefix(dataset: str) -> str:
        return f"raw/{dataset}/"

    @staticmethod
    def processed_prefix(dataset: str) -> str:
        return f"processed/{dataset}/"

    @staticmethod
    def analytics_prefix(model: str) -> str:
        return f"analytics/{model}/"

    @staticmethod
    def raw_key(dataset: str, date: str, name: str, digest: str) -> str:
        """Return the raw object's key; the name is made plain ASCII and never starts with _ or ."""
        stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
        # Athena passes over objects whose names begin with an underscore or a dot.
        stem = cut_name(stem.lstrip("_.")) or "file"
        return f"raw/{dataset}/ingest_date={date}/{stem}-{digest}.parquet"

    @staticmethod
    def archive_key(dataset: str, date: str, stem: str, digest: str, extension: str) -> str:
        return f"archive/{dataset}/{date}/{cut_name(stem)}-{digest}{extension}"

    @staticmethod
    def refused_file_key(dataset: str, date: str, stem: str, digest: str, extension: str) -> str:
        return f"quarantine/{dataset}/files/{date}/{cut_name(stem)}-{digest}{extension}"

    @staticmethod
    def reason_key(refused_file_key: str) -> str:
        return f"{refused_file_key}.reason.json"

    @staticmethod
    def ingest_refused_rows_key(dataset: str, digest: str) -> str:
        return f"quarantine/{dataset}/rows/ingest/{digest}.parquet"

    @staticmethod
    def transform_refused_rows_key(dataset: str) -> str:
        return f"quarantine/{dataset}/rows/transform.parquet"


def cut_name(name: str) -> str:
    """Return `name`, cut to a length that leaves room for prefix and digest in a key."""
    return name.encode()[:_MAX_STEM_BYTES].decode(errors="ignore")
