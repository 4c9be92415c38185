"""What an example's datasets are fetched from: its files, on a web server of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ops import servers
from ops.environment import PYTHON, STATE
from ops.errors import OpsError
from ops.localaws import WEB_COMMAND, WEB_FOLDER, Session

_LOG = "web.log"
_READY = r"^Serving HTTP on 127\.0\.0\.1 port (\d+)"


def serve(session: Session, fetched: Mapping[str, str], state: Path = STATE) -> Session:
    """
    Serve files as long as the local AWS is up, and have the example's variables name them there.

    Parameters
    ----------
    session
        A local AWS that is up, with variables.
    fetched
        URLs that stand in the variables, and the names of their files, which lie in `state`/web
        by the time that they are asked for.

    Returns
    -------
    Session
        The same local AWS, with a file of variables in which the URLs are those of the server.

    Raises
    ------
    OpsError
        The server does not start, or the variables do not name a URL.
    """
    folder = state / WEB_FOLDER
    folder.mkdir(exist_ok=True)
    command = [str(PYTHON), "-u", *WEB_COMMAND.split(), "0", "--bind", "127.0.0.1"]
    pid, port = servers.launch(
        "web server", [*command, "--directory", str(folder)], _READY, state / _LOG
    )
    variables = folder / "web.tfvars"
    served = replace(session, var_file=str(variables), web_pid=pid, web_port=port)
    # From now on whoever stops the local AWS ends it as well.
    served.save(state)
    assert session.var_file is not None
    found = Path(session.var_file)
    text = found.read_text(encoding="utf-8")
    for url, name in fetched.items():
        if f'"{url}"' not in text:
            raise OpsError(
                f"{found} does not name {url}, of which {name} is to be served.",
                hint="The URLs of FETCHED in prepare.py are those of the example's variables.",
            )
        text = text.replace(f'"{url}"', f'"{served.web_endpoint}/{name}"')
    variables.write_text(text, encoding="utf-8")
    return served
