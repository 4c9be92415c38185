"""The local AWS of this clone: start it, find it, stop it. Its state lies in .local/."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local.server import variables
from ops import servers
from ops.environment import JOB_PYTHON, PYTHON, ROOT, STATE, terraform_environment
from ops.errors import OpsError
from ops.terraform import Terraform, link_root

REGION = "us-east-1"
SESSION = "session.json"
SERVER_LOG = "server.log"
TERRAFORM_LOG = "terraform.log"
COMMAND = "-m local serve"
WEB_COMMAND = "-m http.server"
WEB_FOLDER = "web"
_READY = r"^ready http://\S+:(\d+)$"

# At a desk nobody wants to wait a minute for a file that was just dropped.
DEFAULTS = ("-var=arrival_window_seconds=5",)
# The provider waits a minute for lifecycle rules whatever the server says, and a bucket that
# lives in memory is nothing to protect.
OVERRIDES = ("-var=lifecycle_rules=null", "-var=force_destroy=true", f"-var=region={REGION}")


@dataclass(frozen=True)
class Session:
    """A running local AWS and what was applied to it; with a web server, if there is one."""

    pid: int
    port: int
    example: str
    var_file: str | None
    web_pid: int | None = None
    web_port: int | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def arguments(self) -> list[str]:
        """Terraform arguments, of which later ones win: the example's values are in the middle."""
        chosen = [f"-var-file={self.var_file}"] if self.var_file else []
        return [*DEFAULTS, *chosen, *OVERRIDES]

    @property
    def web_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def web(self) -> tuple[int, int] | None:
        """Process number and port of the web server, if there is one."""
        return (self.web_pid, self.web_port) if self.web_pid and self.web_port else None

    def save(self, state: Path = STATE) -> None:
        """Write the session file, whole or not at all."""
        new = state / f"{SESSION}.new"
        new.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        new.replace(state / SESSION)

    def terraform(self, state: Path = STATE) -> Terraform:
        environ = local_environment(self.endpoint, terraform_environment())
        environ["TF_DATA_DIR"] = str(state / "terraform")
        return Terraform(state / "root", environ, state / TERRAFORM_LOG)


def local_environment(endpoint: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment of a client of the local AWS: no credentials or settings of the user's."""
    kept = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    return {**kept, **variables(endpoint)}


class SessionLost(OpsError):  # noqa: N818 - what has happened, as its text says
    """A session file without the local AWS that it tells of: it was killed, or the file is broken.

    Who asks for the local AWS, or for whichever is up, is refused then: turning to AWS instead is
    for the user to say.
    """

    def __init__(self, found: str) -> None:
        super().__init__(
            found,
            hint="To forget it: make local-down. To start a new one: make local-up. "
            "To speak to AWS instead: TARGET=aws",
        )


def find(state: Path = STATE) -> Session | None:
    """The local AWS of this clone, if one is up.

    Raises
    ------
    SessionLost
        A session file is there, but not the server that it tells of.
    """
    path = state / SESSION
    if not path.is_file():
        return None
    session = _read(path)
    found = f"{path} tells of a local AWS on port {session.port} of 127.0.0.1"
    if not servers.answers(session.port):
        raise SessionLost(f"{found}, but nothing answers there: it was killed.")
    if not _is_ours(session):
        raise SessionLost(
            f"{found}, but process {session.pid} is no local AWS any more: what answers there now "
            "is something else."
        )
    return session


def _read(path: Path) -> Session:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        session = Session(**document)
        int(session.pid), int(session.port)
        int(session.web_pid or 0), int(session.web_port or 0)
    except (TypeError, ValueError) as error:
        raise SessionLost(
            f"{path} cannot be read ({error}), so it is not known which local AWS is up, if any."
        ) from error
    return session


def start(
    example: str, var_file: Path | None, *, state: Path = STATE, plugin: str | None = None
) -> Session:
    """Start the local AWS on an empty state and wait until it is ready.

    `plugin` changes how it behaves, for tests: see `python -m local serve --help`.

    Raises
    ------
    OpsError
        One is up already, or it does not get ready; the end of its log is in the error.
    """
    try:
        running = find(state)
    except SessionLost:
        stop(state)
        running = None
    if running:
        raise OpsError(
            f"The local AWS is up already: {running.endpoint} ({running.example}).",
            hint="Use it (make run, make query), or stop it first: make local-down",
        )
    clear(state)
    state.mkdir(parents=True, exist_ok=True)
    (state / TERRAFORM_LOG).unlink(missing_ok=True)
    command = [
        str(PYTHON), *COMMAND.split(), "--port", "0",
        "--job-python", str(JOB_PYTHON), "--state-dir", str(state / "aws"),
    ]  # fmt: skip
    if plugin:
        command += ["--plugin", plugin]
    pid, port = servers.launch("local AWS", command, _READY, state / SERVER_LOG)
    session = Session(pid, port, example, str(var_file) if var_file else None)
    session.save(state)
    link_root(ROOT, state / "root", state / "terraform.tfstate")
    return session


def stop(state: Path = STATE) -> bool:
    """Stop the local AWS and forget its state; tell whether there was one."""
    path = state / SESSION
    session: Session | None
    if not path.is_file():
        return False
    try:
        session = _read(path)
    except SessionLost:  # whose process it was is not known any more
        session = None
    if session and _is_ours(session):
        servers.end(session.pid)
    if session and session.web and servers.runs(*session.web, WEB_COMMAND):
        servers.end(session.web[0])
    clear(state)
    return True


def _is_ours(session: Session) -> bool:
    return servers.runs(session.pid, session.port, COMMAND)


def clear(state: Path = STATE) -> None:
    """Remove what belongs to one run of the local AWS, and keep its log and the provider."""
    for name in (SESSION, "terraform.tfstate", "terraform.tfstate.backup"):
        (state / name).unlink(missing_ok=True)
    for name in ("aws", "drop", WEB_FOLDER):
        shutil.rmtree(state / name, ignore_errors=True)
