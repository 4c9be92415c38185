"""Find the Terraform AWS provider: a mirror on disk, the CLI configuration, or the registry.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import os
import platform
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError

SOURCE = "registry.terraform.io/hashicorp/aws"
REGISTRY_HOSTS = (
    "https://registry.terraform.io/.well-known/terraform.json",
    "https://releases.hashicorp.com/",
)
USUAL_ROOTS = "~/.terraform.d/plugins, /usr/share, /usr/local/share, /opt"
PROBE_SECONDS = 4.0
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

Version = tuple[int, ...]


@dataclass(frozen=True)
class Provider:
    """Where Terraform is to take the AWS provider from.

    Attributes
    ----------
    kind
        `mirror` (a folder on disk), `configuration` (the user's CLI configuration names a
        source) or `registry`.
    where
        The folder, file or host, for people to read.
    version
        Newest version found on disk that versions.tf allows; unset when Terraform will choose.
    cli_config
        The user's CLI configuration file if it is to stay in force.
    """

    kind: str
    where: str
    version: str | None = None
    cli_config: str | None = None


def os_arch() -> str:
    """Name of this machine's platform as Terraform spells it, such as linux_amd64."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"


def version_tuple(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text.split("-", maxsplit=1)[0]))


def allows(constraint: str, version: str) -> bool:
    """Tell whether a Terraform version constraint such as `>= 5.80, < 7.0` admits a version."""
    have = version_tuple(version)
    for part in filter(None, (piece.strip() for piece in constraint.split(","))):
        match = re.fullmatch(r"(>=|<=|!=|~>|>|<|=)?\s*v?([\d.]+)", part)
        if match is None:
            raise OpsError(f"versions.tf: the provider constraint {part!r} is not understood.")
        operator, text = match[1] or "=", match[2]
        want = version_tuple(text)
        width = max(len(want), len(have))
        a, b = _padded(have, width), _padded(want, width)
        upper = (*want[:-2], want[-2] + 1) if len(want) > 1 else (want[0] + 1,)
        held = {
            ">=": a >= b, "<=": a <= b, "!=": a != b, ">": a > b, "<": a < b, "=": a == b,
            "~>": a >= b and a < _padded(upper, width),
        }[operator]  # fmt: skip
        if not held:
            return False
    return True


def _padded(version: Version, width: int) -> Version:
    return version + (0,) * (width - len(version))


def constraint_of(root: Path) -> str:
    """Version constraint of the AWS provider in versions.tf; empty when there is none."""
    path = root / "versions.tf"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    block = re.search(r"\baws\s*=\s*\{(.*?)\}", text, re.DOTALL)
    version = re.search(r'version\s*=\s*"([^"]*)"', block[1]) if block else None
    return version[1] if version else ""


def versions_in(mirror: Path) -> list[str]:
    """Versions of the provider that a mirror folder holds for this platform, oldest first."""
    folder = mirror / SOURCE
    found = {path.parent.name for path in folder.glob(f"*/{os_arch()}")}
    for path in folder.glob(f"terraform-provider-aws_*_{os_arch()}.zip"):
        found.add(path.name.split("_")[1])
    return sorted(found, key=version_tuple)


def mirror_roots(environ: Mapping[str, str]) -> Iterator[Path]:
    """Folders in which a machine usually keeps a provider mirror."""
    home = Path(environ.get("HOME", "~")).expanduser()
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    yield home / ".terraform.d/plugins"
    yield data / "terraform/plugins"
    yield home / "Library/Application Support/io.terraform/plugins"
    top, name = SOURCE.split("/", 1)
    for parent in (Path("/usr/share"), Path("/usr/local/share"), Path("/opt")):
        for depth in ("", "*/", "*/*/"):
            for folder in sorted(parent.glob(f"{depth}{top}")):
                if (folder / name).is_dir():
                    yield folder.parent


def reachable(url: str, seconds: float = PROBE_SECONDS) -> bool:
    """Ask a host for an answer, in bounded time: the resolver itself may hang."""
    answer: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https and mirror URLs
        try:
            with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310
                answer.append(True)
        except urllib.error.HTTPError:
            answer.append(True)  # it refused, but it is there
        except (OSError, ValueError):
            answer.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer == [True]


def user_config(environ: Mapping[str, str]) -> Path | None:
    """The CLI configuration file that Terraform would read, if it is there."""
    named = environ.get("TF_CLI_CONFIG_FILE") or environ.get("TERRAFORM_CONFIG")
    path = Path(named) if named else Path(environ.get("HOME", "~")).expanduser() / ".terraformrc"
    return path if path.is_file() else None


@dataclass(frozen=True)
class _CliConfig:
    """The parts of a CLI configuration that decide where providers come from."""

    path: Path
    mirrors: tuple[Path, ...]
    urls: tuple[str, ...]
    restricts: bool

    @classmethod
    def read(cls, path: Path) -> _CliConfig:
        text = re.sub(r"^\s*(#|//).*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        block = re.search(r"provider_installation\s*\{(.*)", text, re.DOTALL)
        body = block[1] if block else ""
        mirrors = re.findall(r'filesystem_mirror\s*\{[^}]*?path\s*=\s*"([^"]+)"', body)
        urls = re.findall(r'network_mirror\s*\{[^}]*?url\s*=\s*"([^"]+)"', body)
        restricts = block is not None and re.search(r"\bdirect\s*\{", body) is None
        return cls(path, tuple(Path(item) for item in mirrors), tuple(urls), restricts)


@dataclass
class _Search:
    """One search for the provider; `looked` tells of each place that did not have it."""

    environ: Mapping[str, str]
    constraint: str
    probe: Callable[[str], bool]
    roots: Callable[[Mapping[str, str]], Iterable[Path]]
    config: _CliConfig | None
    looked: list[str] = field(default_factory=list)

    def newest(self, mirror: Path, note: str = "") -> str | None:
        present = versions_in(mirror)
        fitting = [version for version in present if allows(self.constraint, version)]
        if not fitting:
            held = f"has only {', '.join(present)}" if present else "does not have it"
            self.looked.append(f"{mirror} {held}{note}")
        return fitting[-1] if fitting else None

    def plugin_dir(self) -> Provider | None:
        named = self.environ.get("TF_PLUGIN_DIR")
        if not named:
            return None
        mirror = Path(named).expanduser().absolute()
        version = self.newest(mirror, " (TF_PLUGIN_DIR)")
        return Provider("mirror", str(mirror), version) if version else None

    def configuration(self) -> Provider | None:
        if self.config is None:
            return None
        path = str(self.config.path)
        for mirror in self.config.mirrors:
            if version := self.newest(mirror, f" ({path})"):
                return Provider("configuration", path, version, path)
        for url in self.config.urls:
            if self.probe(url):
                return Provider("configuration", path, None, path)
            self.looked.append(f"{url} ({path}) does not answer")
        return None

    def registry(self) -> Provider | None:
        if not all(map(self.probe, REGISTRY_HOSTS)):
            self.looked.append("the registry, registry.terraform.io, cannot be reached")
            return None
        keep = self.config is not None and not self.config.restricts
        path = str(self.config.path) if self.config and keep else None
        return Provider("registry", "registry.terraform.io", None, path)

    def usual_roots(self) -> Provider | None:
        for mirror in dict.fromkeys(self.roots(self.environ)):
            if version := self.newest(mirror):
                return Provider("mirror", str(mirror), version)
        self.looked.append(f"no fitting mirror in {USUAL_ROOTS}")
        return None


def find(
    root: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    probe: Callable[[str], bool] = reachable,
    roots: Callable[[Mapping[str, str]], Iterable[Path]] = mirror_roots,
) -> Provider:
    """Choose where the provider comes from.

    The order is: TF_PLUGIN_DIR, what the CLI configuration names, the registry, then the folders
    where mirrors usually lie.

    Raises
    ------
    OpsError
        No source has the provider; the message lists what was looked for, and where.
    """
    path = user_config(environ)
    config = _CliConfig.read(path) if path else None
    search = _Search(environ, constraint_of(root), probe, roots, config)
    for place in (search.plugin_dir, search.configuration, search.registry, search.usual_roots):
        if found := place():
            return found
    wanted = f"hashicorp/aws {search.constraint}".strip()
    raise OpsError(
        f"The Terraform provider {wanted} for {os_arch()} was not found. Looked for it here:\n"
        + "\n".join(f"  - {line}" for line in dict.fromkeys(search.looked)),
        hint="Connect to the internet, or set TF_PLUGIN_DIR to a folder that holds "
        f"{SOURCE}/<version>/{os_arch()} (`terraform providers mirror <folder>` makes one).",
    )
