"""The web server of an example: its files under the URLs of its variables, as long as needed."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import deploy, examples, localaws, servers, web
from ops.errors import OpsError

URL = "https://data.example.com/towns.zip"
VARIABLES = f'datasets = {{ towns = {{ source = {{ type = "http", url = "{URL}" }} }} }}\n'


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PYTHON", Path(sys.executable))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A local AWS that has gone, and a file to serve."""
    folder = tmp_path / "state"
    (folder / localaws.WEB_FOLDER).mkdir(parents=True)
    (folder / localaws.WEB_FOLDER / "towns.zip").write_bytes(b"PK of towns")
    (tmp_path / "test.tfvars").write_text(VARIABLES)
    yield folder
    localaws.stop(folder)


def served(state: Path, url: str = URL) -> localaws.Session:
    session = localaws.Session(0, 1, "test", str(state.parent / "test.tfvars"))
    return web.serve(session, {url: "towns.zip"}, state)


def address(session: localaws.Session) -> str:
    return f"http://127.0.0.1:{session.web_port}/towns.zip"


def test_serve__has_the_file_where_the_variables_say(state: Path) -> None:
    session = served(state)
    assert session.var_file is not None
    assert Path(session.var_file).read_text() == VARIABLES.replace(URL, address(session))
    assert f"-var-file={session.var_file}" in session.arguments
    with urllib.request.urlopen(address(session)) as answer:
        assert answer.read() == b"PK of towns"
        moment = answer.headers["Last-Modified"]
    # So a second run has no news.
    again = urllib.request.Request(address(session), headers={"If-Modified-Since": moment})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(again)
    assert caught.value.code == 304
    caught.value.close()


def test_stop__ends_it__and_forgets_its_files(state: Path) -> None:
    session = served(state)
    assert session.web_pid
    assert localaws.stop(state)
    assert not servers.alive(session.web_pid)
    assert not (state / localaws.WEB_FOLDER).exists()


def test_serve__url_that_the_variables_do_not_name__is_refused__and_can_be_stopped(
    state: Path,
) -> None:
    with pytest.raises(OpsError, match="does not name https://other"):
        served(state, "https://other.example.com/towns.zip")
    [pid] = [process.pid for process in servers._children.values() if process.poll() is None]
    localaws.stop(state)
    assert not servers.alive(pid)


def test_serve__server_that_ends_shows_its_log(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PYTHON", Path("/bin/false"))
    with pytest.raises(OpsError, match="The web server ended with exit code 1"):
        served(state)


def test_stop__leaves_a_stranger_with_the_same_number_alone(state: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        localaws.Session(0, 1, "test", None, stranger.pid, 2).save(state)
        assert localaws.stop(state)
        assert stranger.poll() is None
        stranger.terminate()


PREPARE = """
FETCHED = {"https://data.example.com/towns.zip": "towns.zip"}
def publish(folder):
    (folder / "towns.zip").write_bytes(b"PK of few towns")
"""


def bring_up(state: Path, monkeypatch: pytest.MonkeyPatch, prepare: str, failure: str = "") -> None:
    """Bring an example up whose file is fetched, with a stand-in for Terraform."""
    folder = state.parent
    (folder / "prepare.py").write_text(prepare)

    def apply(_terraform: object, arguments: list[str]) -> None:
        assert f"-var-file={state / localaws.WEB_FOLDER / 'web.tfvars'}" in arguments
        if failure:
            raise OpsError(failure)

    started = localaws.Session(0, 1, "test", str(folder / "test.tfvars"))
    driver = type("Terraform", (), {"init": lambda _: None, "apply": apply})
    monkeypatch.setattr(localaws, "start", lambda *_, **__: started)
    monkeypatch.setattr(localaws.Session, "terraform", lambda *_: driver())
    monkeypatch.setattr(deploy, "local_target", lambda session, _: session)
    deploy.bring_up(examples.Example("test", folder), state=state)


def test_bring_up__serves_what_publish_makes(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_up(state, monkeypatch, PREPARE)
    session = localaws._read(state / localaws.SESSION)
    with urllib.request.urlopen(address(session)) as answer:
        assert answer.read() == b"PK of few towns"


@pytest.mark.parametrize(
    ("prepare", "failure", "error"),
    [
        (PREPARE, "apply failed", OpsError),
        (PREPARE.replace("folder /", "no_folder /"), "", NameError),
    ],
)
def test_bring_up__that_fails_ends_the_server(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: str,
    failure: str,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        bring_up(state, monkeypatch, prepare, failure)
    assert [p for p in servers._children.values() if p.poll() is None] == []
