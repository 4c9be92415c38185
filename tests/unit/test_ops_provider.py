"""Where the Terraform provider comes from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import environment, provider
from ops.errors import OpsError

CONSTRAINT = """\
terraform {
  required_providers {
    aws = {
      version = ">= 5.80, < 6.0"
    }
  }
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "versions.tf").write_text(CONSTRAINT)
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, *versions: str) -> Path:
        folder = tmp_path / name
        for version in versions:
            (folder / provider.SOURCE / version / provider.os_arch()).mkdir(parents=True)
        return folder

    return make


def find(
    root: Path, environ: dict[str, str], *, online: bool = False, roots: tuple[Path, ...] = ()
) -> provider.Provider:
    environ = {"HOME": str(root.parent / "home"), **environ}
    return provider.find(root, environ, probe=lambda _url: online, roots=lambda _environ: roots)


@pytest.mark.parametrize(
    ("constraint", "version", "held"),
    [
        ("", "5.1.0", True),
        (">= 5.80, < 6.0", "5.100.0", True),
        (">= 5.80, < 6.0", "6.0.0", False),
        (">= 5.80, < 6.0", "5.79.9", False),
        ("~> 5.100", "5.100.0", True),
        ("~> 5.100", "5.200.1", True),
        ("~> 5.100", "6.0.0", False),
        ("~> 5.100.1", "5.101.0", False),
        ("5.100", "5.100.0", True),
        ("!= 5.100.0", "5.100.0", False),
    ],
)
def test_allows__each_operator(constraint: str, version: str, held: bool) -> None:
    assert provider.allows(constraint, version) is held


def test_allows__unknown_operator_is_named() -> None:
    with pytest.raises(OpsError, match="'=> 5' is not understood"):
        provider.allows("=> 5", "5.0.0")


def test_versions_in__sorted_as_versions_packed_or_not(mirror: Callable[..., Path]) -> None:
    folder = mirror("m", "5.9.0", "5.100.0")
    name = f"terraform-provider-aws_5.20.0_{provider.os_arch()}.zip"
    (folder / provider.SOURCE / name).touch()
    assert provider.versions_in(folder) == ["5.9.0", "5.20.0", "5.100.0"]


def test_find__plugin_dir_comes_before_the_registry(
    root: Path, mirror: Callable[..., Path]
) -> None:
    folder = mirror("m", "5.99.0", "5.100.0", "6.1.0")
    found = find(root, {"TF_PLUGIN_DIR": str(folder)}, online=True)
    assert (found.kind, found.where, found.version) == ("mirror", str(folder), "5.100.0")


def test_find__cli_configuration_comes_before_the_registry(
    root: Path, mirror: Callable[..., Path], tmp_path: Path
) -> None:
    folder = mirror("m", "5.100.0")
    config = tmp_path / "rc"
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}"\n  }}\n}}\n'
    )
    found = find(root, {"TF_CLI_CONFIG_FILE": str(config)}, online=True)
    assert (found.kind, found.cli_config) == ("configuration", str(config))


def test_find__commented_mirror_of_the_configuration_does_not_count(
    root: Path, mirror: Callable[..., Path], tmp_path: Path
) -> None:
    config = tmp_path / "rc"
    config.write_text(
        "provider_installation {\n"
        f'  # filesystem_mirror {{ path = "{mirror("m", "5.100.0")}" }}\n'
        "  direct {}\n}\n"
    )
    found = find(root, {"TF_CLI_CONFIG_FILE": str(config)}, online=True)
    assert (found.kind, found.cli_config) == ("registry", str(config))


def test_find__configuration_that_shuts_the_registry_out_is_not_kept(
    root: Path, tmp_path: Path
) -> None:
    config = tmp_path / "rc"
    config.write_text(
        'provider_installation {\n  filesystem_mirror {\n    path = "/none"\n  }\n}\n'
    )
    found = find(root, {"TF_CLI_CONFIG_FILE": str(config)}, online=True)
    assert (found.kind, found.cli_config) == ("registry", None)


def test_find__registry_comes_before_the_usual_roots(
    root: Path, mirror: Callable[..., Path]
) -> None:
    assert find(root, {}, online=True, roots=(mirror("m", "5.100.0"),)).kind == "registry"


def test_find__missing_cli_configuration_does_not_stop_it(
    root: Path, mirror: Callable[..., Path], tmp_path: Path
) -> None:
    environ = {"TF_CLI_CONFIG_FILE": str(tmp_path / "absent")}
    folder = mirror("m", "5.100.0")
    assert find(root, environ, roots=(folder,)).where == str(folder)


def test_find__nothing_fits_tells_where_it_looked(root: Path, mirror: Callable[..., Path]) -> None:
    old, empty = mirror("old", "4.67.0"), mirror("empty")
    with pytest.raises(OpsError) as caught:
        find(root, {"TF_PLUGIN_DIR": str(empty)}, roots=(old,))
    message = caught.value.message
    assert f"hashicorp/aws >= 5.80, < 6.0 for {provider.os_arch()} was not found" in message
    assert f"{empty} does not have it (TF_PLUGIN_DIR)" in message
    assert f"{old} has only 4.67.0" in message
    assert "registry.terraform.io, cannot be reached" in message
    assert "set TF_PLUGIN_DIR" in caught.value.hint


def test_reachable__resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_arguments: object, **_keywords: object) -> None:
        time.sleep(2)
        raise OSError

    monkeypatch.setattr("urllib.request.urlopen", hang)
    started = time.monotonic()
    assert not provider.reachable("https://registry.example", 0.1)
    assert time.monotonic() - started < 1


def test_mirror_roots__name_no_folder_of_one_machine(tmp_path: Path) -> None:
    (tmp_path / ".terraform.d/plugins").mkdir(parents=True)
    found = list(provider.mirror_roots({"HOME": str(tmp_path)}))
    assert found[0] == tmp_path / ".terraform.d/plugins"


def test_save_provider__mirror_is_put_in_force(tmp_path: Path) -> None:
    chosen = provider.Provider("mirror", "/some/mirror", "5.100.0")
    environment.save_provider(chosen, "key", tmp_path)
    assert environment.saved_provider(tmp_path) == ("key", chosen)
    environ = environment.terraform_environment({"PATH": "/bin"}, tmp_path)
    text = Path(environ["TF_CLI_CONFIG_FILE"]).read_text()
    assert 'path    = "/some/mirror"' in text
    assert "TF_PLUGIN_CACHE_DIR" not in environ


def test_save_provider__registry_shares_one_download(tmp_path: Path) -> None:
    chosen = provider.Provider("registry", "registry.terraform.io", None, "/home/me/.terraformrc")
    environment.save_provider(chosen, "key", tmp_path)
    environ = environment.terraform_environment({}, tmp_path)
    assert environ["TF_CLI_CONFIG_FILE"] == "/home/me/.terraformrc"
    assert environ["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "plugin-cache")


def test_terraform_environment__keeps_how_often_garbage_is_collected(tmp_path: Path) -> None:
    environment.save_provider(provider.Provider("mirror", "/some/mirror"), "key", tmp_path)
    assert environment.terraform_environment({"GOGC": "50"}, tmp_path)["GOGC"] == "50"
    assert int(environment.terraform_environment({}, tmp_path)["GOGC"]) > 100


def test_terraform_environment__before_setup_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OpsError) as caught:
        environment.terraform_environment({}, tmp_path)
    assert caught.value.hint == "Run: make setup"


def test_cache_key__changes_with_what_the_choice_rests_on(root: Path) -> None:
    def keys() -> Iterator[str]:
        yield environment.cache_key(root, {"HOME": str(root)})
        yield environment.cache_key(root, {"HOME": str(root), "TF_PLUGIN_DIR": "/m"})
        (root / ".terraformrc").write_text("")
        yield environment.cache_key(root, {"HOME": str(root)})
        (root / "versions.tf").write_text("")
        yield environment.cache_key(root, {"HOME": str(root)})

    assert len(set(keys())) == 4
