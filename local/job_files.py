"""What a job run needs on disk before it starts: its code, and the modules it asks for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from local.errors import LocalAwsError
from local.settings import settings


class JobStartError(LocalAwsError):
    """A run that ends FAILED before its script starts."""


def split_list(value: str) -> list[str]:
    """Return the parts of a comma list."""
    return [part.strip() for part in value.split(",") if part.strip()]


def download(s3: Any, uri: str, directory: Path) -> Path:
    """Fetch an object into a directory; the path of the file."""
    place = urlsplit(uri)
    path = directory / Path(place.path).name
    if place.scheme != "s3" or not path.name:
        raise JobStartError(f"{uri!r} is not an S3 URI of a file")
    try:
        body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"]
    except ClientError as error:
        raise JobStartError(f"{uri}: {error}") from error
    with path.open("wb") as file:
        shutil.copyfileobj(body, file)
    return path


def installed(interpreter: Path) -> dict[str, str]:
    """Return the distributions of an interpreter and their versions, by normalised name."""
    code = (
        "import json, importlib.metadata as m;"
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    answer = subprocess.run(  # noqa: S603 the interpreter of the settings
        [str(interpreter), "-I", "-c", code], capture_output=True, check=True, text=True
    )
    return {normalised(name): version for name, version in json.loads(answer.stdout).items()}


_installed_once = lru_cache(maxsize=1)(installed)


def normalised(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_modules(wanted: str) -> None:
    """Refuse a run whose modules are not those of the interpreter: AWS would install them."""
    for requirement in split_list(wanted):
        name, _, version = requirement.partition("==")
        found = _installed_once(settings().job_python).get(normalised(name.strip()))
        if found is None or (version and version.strip() != found):
            raise JobStartError(
                f"--additional-python-modules asks for {requirement}, and the interpreter of the "
                f"local jobs ({settings().job_python}) has {found or 'none'}. Install "
                "jobs/requirements.txt there"
            )
