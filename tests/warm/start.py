"""One warm server for all test processes of a session: see `warm.server`."""

import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
FORKSERVER = HERE.parents[1] / "src" / "plait" / "forkserver"

SHARED = "PLAIT_TEST_WARM"
"""Environment variable: where the process that has started this one keeps the tools."""

_kept: list[object] = []


def share_warm_server() -> None:
    """Have the test processes that this one starts use one server, which begins to import at once.

    It ends with this process.
    """
    if sys.platform == "linux" and not os.environ.get("PLAIT_TEST_COLD"):
        os.environ[SHARED] = str(_start())


def warm_tools(programs: Path | None = None) -> Path | None:
    """A folder with ``python``, ``plait`` and ``dvc`` that ask the server.

    :param programs: those of another environment, which gets a server of its own.
    """
    # To a cache, an argument that is left out is another call, which would start another server.
    return _warm_tools(programs)


@cache
def _warm_tools(programs: Path | None) -> Path | None:
    if sys.platform != "linux" or os.environ.get("PLAIT_TEST_COLD"):
        return None
    if programs is not None:
        folder = _start(str(programs / "python"))
    else:
        folder = Path(os.environ.get(SHARED) or _start())
    while not (folder / "socket").exists():
        for kept in _kept:
            if isinstance(kept, subprocess.Popen):
                assert kept.poll() is None, "the warm server did not start"
        time.sleep(0.05)
    return folder / "bin"


def _start(python: str = sys.executable) -> Path:
    """Where the tools are, and soon the server's socket.

    :param python: the interpreter that the commands are forked from.
    """
    folder = tempfile.TemporaryDirectory(prefix="warm-")
    address = Path(folder.name) / "socket"
    server = subprocess.Popen(
        [python, str(HERE / "server.py"), str(address), str(os.getpid()), str(FORKSERVER)]
    )
    _kept.extend((folder, server))
    tools = Path(folder.name) / "bin"
    tools.mkdir()
    text = (HERE / "client.py").read_text(encoding="utf-8")
    for word, value in {"python": python, "socket": address, "forkserver": FORKSERVER}.items():
        text = text.replace(f"@{word}@", str(value))
    (tools / "python").write_text(f"#!{python} -IS\n{text}", encoding="utf-8")
    commands = {
        "plait": "from plait.cli import console; console()",
        "dvc": "import sys, dvc.cli; sys.exit(dvc.cli.main())",
    }
    for name, code in commands.items():
        (tools / name).write_text(
            f"#!/bin/sh\nexec '{tools}/python' -c '{code}' \"$@\"\n", encoding="utf-8"
        )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return Path(folder.name)


def warm_python() -> str:
    """The interpreter that asks the server, where there is one."""
    tools = warm_tools()
    return sys.executable if tools is None else str(tools / "python")


def end_warm_server() -> None:
    """To be called when the tests of this process are over."""
    while _kept:
        kept = _kept.pop()
        if isinstance(kept, subprocess.Popen):
            kept.kill()
            kept.wait()
        elif isinstance(kept, tempfile.TemporaryDirectory):
            kept.cleanup()
