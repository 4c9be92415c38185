"""What a job run needs on disk before it starts: its code, and the modules it asks for."""

from __future__ import annotations

import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from local.backends import backend
from local.errors import AwsError, LocalAwsError
from local.iam.authorisation import authorise
from local.iam.principals import Principal
from local.s3.blobs import blocks
from local.settings import settings


class JobStartError(LocalAwsError):
    """A run that ends FAILED before its script starts."""


def split_list(value: str) -> list[str]:
    """Return the parts of a comma list."""
    return [part.strip() for part in value.split(",") if part.strip()]


def fetch(principal: Principal, uri: str, directory: Path) -> Path:
    """Put an object into a directory, with the rights of a role; the path of the file."""
    place = urlsplit(uri)
    bucket, key = place.netloc, place.path.lstrip("/")
    path = directory / Path(key).name
    if place.scheme != "s3" or not path.name:
        raise JobStartError(f"{uri!r} is not an S3 URI of a file")
    try:
        authorise(principal, [("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")], {})
    except AwsError as error:
        raise JobStartError(f"{uri}: {error.code}: {error.message}") from error
    s3 = backend("s3")
    found = s3.get_object(bucket, key) if bucket in s3.buckets else None
    if found is None:
        raise JobStartError(f"{uri}: there is no such object")
    with path.open("wb") as file:
        file.writelines(blocks(found.value))
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
                f"local jobs ({settings().job_python}) has {found or 'none'}. Install it "
                "there, or name another interpreter with --job-python"
            )
