"""Drive terraform: quietly behind a progress line, or as the user would run it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.display import Step, step
from ops.errors import OpsError

_PLAN = re.compile(r"Plan: (\d+) to add, (\d+) to change, (\d+) to destroy")
_COMPLETE = re.compile(r": (Creation|Modifications|Destruction) complete")
# What is left out when a run fails, since what failed stands after it, and the log has it all.
_PLANNED = re.compile(r"\nTerraform (?:used|will perform).*?\n(?=Plan: )", re.DOTALL)
_PROGRESS = re.compile(
    r"^\S+: (Refreshing state|(Still )?(Creat|Modify|Destroy|Read)ing|\w+ complete).*\n",
    re.MULTILINE,
)
STOP_SECONDS = 30


@dataclass(frozen=True)
class Terraform:
    """Terraform on one root folder.

    Attributes
    ----------
    root
        Folder of the root module.
    environ
        Environment of the process: credentials, endpoint, provider source, TF_DATA_DIR.
    log
        File that keeps the whole output of the quiet runs.
    """

    root: Path
    environ: Mapping[str, str]
    log: Path | None = None

    def init(self, title: str = "terraform init") -> None:
        with step(title) as line:
            output = self._run(["init", "-input=false"], line, check=False)
            if output.code and "does not match configured version constraint" in output.text:
                # The lock was written when another source of providers was in force.
                output = self._run(["init", "-input=false", "-upgrade"], line, check=False)
            self._check("init", output)

    def apply(self, arguments: Sequence[str], title: str = "terraform apply") -> int:
        """Apply without asking; return how many resources were made."""
        with step(title) as line:
            command = ["apply", "-input=false", "-auto-approve", *arguments]
            text = self._run(command, line).text
            made = re.search(r"Apply complete! Resources: (\d+) added", text)
            count = int(made[1]) if made else 0
            line.text = f"{title}: {count} resources"
        return count

    def destroy(self, arguments: Sequence[str], title: str = "terraform destroy") -> None:
        with step(title) as line:
            command = ["destroy", "-input=false", "-auto-approve", *arguments]
            text = self._run(command, line).text
            gone = re.search(r"Destroy complete! Resources: (\d+) destroyed", text)
            line.text = f"{title}: {gone[1] if gone else 0} resources"

    def changes(self, arguments: Sequence[str]) -> str:
        """What a plan would change, as terraform says it; nothing when the plan is empty."""
        with step("terraform plan") as line:
            command = ["plan", "-input=false", "-lock=false", "-detailed-exitcode", *arguments]
            output = self._run(command, line, check=False)
            if output.code not in (0, 2):
                self._check("plan", output)
            line.text = f"terraform plan: {'no changes' if output.code == 0 else 'changes'}"
        return "" if output.code == 0 else output.text

    def resources(self) -> list[str]:
        """Addresses of the resources in the state."""
        done = subprocess.run(
            ["terraform", "state", "list", "-no-color"],
            cwd=self.root, env=self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode and "No state file was found" not in done.stderr:
            raise OpsError(
                f"terraform state list failed in {self.root}.", details=done.stdout + done.stderr
            )
        return [line for line in done.stdout.splitlines() if line and ".data." not in f".{line}"]

    def validate(self) -> None:
        with step("terraform validate") as line:
            self._run(["validate"], line)

    def outputs(self) -> dict[str, Any]:
        """Output values by name; empty when nothing is applied."""
        done = subprocess.run(
            ["terraform", "output", "-json", "-no-color"],
            cwd=self.root, env=self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OpsError(
                f"terraform output failed in {self.root}.",
                hint="Run: make apply",
                details=done.stdout + done.stderr,
            )
        return {name: item["value"] for name, item in json.loads(done.stdout).items()}

    def interactive(self, arguments: Sequence[str]) -> int:
        """Run in the foreground, with the user's terminal; return the exit code."""
        try:
            return subprocess.call(["terraform", *arguments], cwd=self.root, env=self.environ)
        except KeyboardInterrupt:  # terraform has had the same signal and has ended by now
            return 130

    def _run(self, arguments: list[str], line: Step, *, check: bool = True) -> _Output:
        command = ["terraform", *arguments, "-no-color"]
        lines: list[str] = []
        total = complete = 0
        with subprocess.Popen(
            command, cwd=self.root, env=self.environ, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            try:
                for text in process.stdout:
                    lines.append(text)
                    if plan := _PLAN.search(text):
                        total = sum(map(int, plan.groups()))
                    elif _COMPLETE.search(text):
                        complete += 1
                    if total:
                        line.update(f"{line.text}: {complete} of {total} resources")
            except BaseException:
                # It runs in its own session, so ^C reaches us alone: let it end in order. What it
                # still says has to be read, or it would wait for that.
                process.send_signal(signal.SIGINT)
                try:
                    process.communicate(timeout=STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise
        output = _Output(process.returncode, "".join(lines))
        if self.log:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(f"$ {' '.join(command)}\n{output.text}\n")
        if check:
            self._check(arguments[0], output)
        return output

    def _check(self, command: str, output: _Output) -> None:
        if output.code:
            text = _PLANNED.sub("", output.text)
            raise OpsError(
                f"terraform {command} failed (exit code {output.code}).",
                hint=f"The whole output: {self.log}" if self.log else "",
                details=_PROGRESS.sub("", text),
            )


@dataclass(frozen=True)
class _Output:
    code: int
    text: str


def link_root(source: Path, folder: Path, state_file: Path) -> None:
    """Make a root folder out of links to another one, with its own state and lock file.

    Local runs thus read the very files that AWS runs read, but never touch the state, the lock
    file or the backend of an AWS deployment made from the same clone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_symlink():
            path.unlink()
    hidden = shutil.ignore_patterns(".*", "*.tfvars", "*.tfstate*", "*_override.tf")
    names = {path.name for path in source.iterdir()}
    for name in sorted(names - hidden(str(source), list(names))):
        path = source / name
        if path.is_dir() or path.suffix == ".tf" or name.endswith(".tf.json"):
            (folder / name).symlink_to(path)
    backend = (
        f'terraform {{\n  backend "local" {{\n    path = {json.dumps(str(state_file))}\n  }}\n}}\n'
    )
    (folder / "local_override.tf").write_text(backend, encoding="utf-8")
