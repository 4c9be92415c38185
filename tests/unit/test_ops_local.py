"""The driver of terraform and the local AWS's process, each with a stand-in for the program."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from ops import __main__, localaws, servers, target
from ops.errors import OpsError
from ops.terraform import Terraform, link_root

SERVER = """
import signal, sys, time
if "serve" in sys.argv:
    print("starting")
    {start}
    time.sleep(60)
"""


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """A driver whose terraform is the script `tmp_path/bin/terraform`."""
    (tmp_path / "bin").mkdir()
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return Terraform(tmp_path, environ, tmp_path / "terraform.log")


def say(terraform: Terraform, script: str) -> None:
    path = terraform.root / "bin/terraform"
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}\n")
    path.chmod(0o755)


def test_apply__counts_resources_and_stays_quiet(
    terraform: Terraform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", terraform.environ["PATH"])
    say(
        terraform,
        """
        echo 'Plan: 2 to add, 0 to change, 0 to destroy.'
        echo 'aws_x.a: Creation complete after 0s'
        echo 'Apply complete! Resources: 2 added, 0 changed, 0 destroyed.'
        """,
    )
    assert terraform.apply(["-var=a=1"]) == 2
    shown = capsys.readouterr().out
    assert "terraform apply: 2 resources" in shown
    assert "Creation complete" not in shown
    log = (terraform.root / "terraform.log").read_text()
    assert "$ terraform apply -input=false -auto-approve -var=a=1 -no-color" in log
    assert "Creation complete" in log


def test_apply__failure_shows_the_errors_without_the_plan(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", terraform.environ["PATH"])
    say(
        terraform,
        """
        echo
        echo 'Terraform will perform the following actions:'
        echo '  + a thousand lines'
        echo 'Plan: 1 to add, 0 to change, 0 to destroy.'
        echo 'Error: no such bucket'
        exit 1
        """,
    )
    with pytest.raises(OpsError, match="terraform apply failed") as caught:
        terraform.apply([])
    assert "Error: no such bucket" in caught.value.details
    assert "a thousand lines" not in caught.value.details
    assert str(terraform.log) in caught.value.hint


def test_changes__are_what_a_plan_would_do(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", terraform.environ["PATH"])
    say(terraform, "echo '  # aws_x.a will be updated in-place'; exit 2")
    assert "# aws_x.a will be updated" in terraform.changes([])
    say(terraform, "echo 'No changes.'; exit 0")
    assert terraform.changes([]) == ""
    say(terraform, "echo 'Error: no credentials'; exit 1")
    with pytest.raises(OpsError, match="terraform plan failed"):
        terraform.changes([])


def test_resources__are_those_of_the_state_without_what_was_only_read(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", terraform.environ["PATH"])
    say(terraform, "echo data.aws_x.a; echo module.m.data.aws_x.a; echo module.m.aws_x.a")
    assert terraform.resources() == ["module.m.aws_x.a"]
    say(terraform, "echo 'No state file was found!' >&2; exit 1")
    assert terraform.resources() == []
    say(terraform, "echo 'state is locked' >&2; exit 1")
    with pytest.raises(OpsError, match="terraform state list failed"):
        terraform.resources()


def test_init__lock_of_another_source_is_renewed(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", terraform.environ["PATH"])
    say(
        terraform,
        """
        case "$*" in *-upgrade*) exit 0;; esac
        echo 'Error: locked provider does not match configured version constraint'
        exit 1
        """,
    )
    terraform.init()


def test_interrupt__terraform_ends_in_order_first(tmp_path: Path) -> None:
    # Were terraform killed at once, it would leave its state locked.
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/terraform"
    script.write_text(
        f"#!/bin/sh\ntrap 'yes word | head -c 300000; echo ended > {tmp_path}/ended; exit 1' INT\n"
        f"echo begun > {tmp_path}/begun\nwhile true; do sleep 0.1; done\n"
    )
    script.chmod(0o755)
    program = (
        "import os, signal; from pathlib import Path; from ops.terraform import Terraform\n"
        # Whatever started the tests in the background may have had them ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"Terraform(Path({str(tmp_path)!r}), dict(os.environ)).apply([])\n"
    )
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        wait_for(tmp_path / "begun")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=300)
    assert "KeyboardInterrupt" in output
    assert (tmp_path / "ended").exists()


def wait_for(path: Path) -> None:
    end = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def test_link_root__has_the_code_but_its_own_state(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("modules", ".terraform", ".git"):
        (source / name).mkdir(parents=True)
    for name in ("main.tf", "prod.auto.tfvars", "terraform.tfstate", "x_override.tf", "README.md"):
        (source / name).touch()
    folder = tmp_path / "root"
    link_root(source, folder, tmp_path / "state")
    (source / "main.tf").rename(source / "other.tf")
    link_root(source, folder, tmp_path / "state")
    names = {path.name for path in folder.iterdir()}
    assert names == {"modules", "other.tf", "local_override.tf"}
    assert f'path = "{tmp_path}/state"' in (folder / "local_override.tf").read_text()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose local AWS is a stand-in."""
    (tmp_path / "local").mkdir()
    monkeypatch.setattr(localaws, "ROOT", tmp_path)
    monkeypatch.setattr(servers, "ROOT", tmp_path)
    monkeypatch.setattr(localaws, "PYTHON", Path(sys.executable))
    return tmp_path


def stand_in(clone: Path, start: str) -> Path:
    (clone / "local/__main__.py").write_text(SERVER.format(start=start))
    return clone / "state"


LISTEN = (
    "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    "print(f'ready http://127.0.0.1:{s.getsockname()[1]}', flush=True)"
)


def test_start__then_find_then_stop(server: Path) -> None:
    state = stand_in(server, LISTEN)
    session = localaws.start("flights", None, state=state)
    try:
        assert localaws.find(state) == session
        with pytest.raises(OpsError, match="is up already: http://127") as caught:
            localaws.start("flights", None, state=state)
        assert "make local-down" in caught.value.hint
    finally:
        assert localaws.stop(state)
    assert localaws.find(state) is None
    assert not localaws.stop(state)
    assert not servers.alive(session.pid)


def test_start__server_that_ends_shows_its_log(server: Path) -> None:
    state = stand_in(server, "sys.exit('a patched symbol has moved')")
    with pytest.raises(OpsError, match="ended with exit code 1") as caught:
        localaws.start("flights", None, state=state)
    assert "a patched symbol has moved" in caught.value.details
    assert str(state / "server.log") in caught.value.hint
    assert localaws.find(state) is None


def test_start__server_that_is_not_ready_in_time_is_ended(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 0.3)
    state = stand_in(server, "print('still thinking', flush=True)")
    with pytest.raises(OpsError, match="is not ready"):
        localaws.start("flights", None, state=state)


def killed(state: Path) -> localaws.Session:
    """A local AWS that was started and is killed before it could forget its session."""
    session = localaws.start("flights", None, state=state)
    os.kill(session.pid, signal.SIGKILL)
    end = time.monotonic() + 300
    while servers.alive(session.pid):
        assert time.monotonic() < end
        time.sleep(0.02)
    return session


def test_find__session_of_a_server_that_was_killed_is_refused(server: Path) -> None:
    state = stand_in(server, LISTEN)
    session = killed(state)
    with pytest.raises(localaws.SessionLost, match="nothing answers there") as caught:
        localaws.find(state)
    assert f"{state / localaws.SESSION} tells of a local AWS on port {session.port}" in str(
        caught.value
    )
    assert "make local-down" in caught.value.hint
    assert "TARGET=aws" in caught.value.hint


def test_start__after_a_server_that_was_killed__forgets_it(server: Path) -> None:
    state = stand_in(server, LISTEN)
    session = killed(state)
    again = localaws.start("flights", None, state=state)
    assert again.pid != session.pid
    assert localaws.find(state) == again
    localaws.stop(state)


def test_stop__after_a_server_that_was_killed__forgets_it(server: Path) -> None:
    state = stand_in(server, LISTEN)
    killed(state)
    assert localaws.stop(state)
    assert localaws.find(state) is None


def test_find__port_that_something_else_serves_by_now_is_refused(tmp_path: Path) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        port = listening.getsockname()[1]
        localaws.Session(stranger.pid, port, "flights", None).save(tmp_path)
        with pytest.raises(localaws.SessionLost, match=f"process {stranger.pid} is no local AWS"):
            localaws.find(tmp_path)
        stranger.terminate()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"pid": "x", "port": 1, "example": "", "var_file": null}']
)
def test_find__file_that_cannot_be_read_is_refused__and_forgotten_when_asked(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / localaws.SESSION).write_text(text)
    with pytest.raises(localaws.SessionLost, match="cannot be read"):
        localaws.find(tmp_path)
    assert localaws.stop(tmp_path)
    assert localaws.find(tmp_path) is None


COMMANDS = (
    ["run"],
    ["query", "SELECT 1"],
    ["status"],
    ["logs"],
    ["drop", "--dataset", "sales", "x.csv"],
    ["approve"],
    ["reject", "--reason", "no"],
    ["report"],
    ["exec", "true"],
)


def test_commands__after_the_server_was_killed__refuse__and_never_turn_to_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = killed(tmp_path)
    asked: list[str] = []

    def on_aws(*, asked: bool) -> None:
        raise AssertionError("a command has turned to AWS")

    monkeypatch.delenv("TARGET", raising=False)
    monkeypatch.setattr(localaws, "find", partial(localaws.find, tmp_path))
    monkeypatch.setattr(target, "_aws", on_aws)
    monkeypatch.setattr(os, "execvpe", lambda program, *_rest: asked.append(program))
    for command in COMMANDS:
        targets = [[]] if command[0] == "exec" else [[], ["--target", "local"]]
        for chosen in targets:
            assert __main__.main([command[0], *chosen, *command[1:]]) == 1, command
            shown = capsys.readouterr().err
            assert f"port {session.port}" in shown
            assert "it was killed" in shown
            assert "make local-down" in shown
    assert asked == []
    assert target.choose("aws") == "aws"


def test_stop__leaves_a_stranger_with_the_same_number_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        localaws.Session(stranger.pid, 1, "flights", None).save(tmp_path)
        assert localaws.stop(tmp_path)
        assert stranger.poll() is None
        stranger.terminate()
