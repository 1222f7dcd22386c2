"""Options of the suite, and checkouts of the project to play with."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.garbage_collection import collect_rarely
from warm.start import end_warm_server, share_warm_server, warm_python

# Where the machine forbids it, each command would compile all of plait again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")
    parser.addoption("--nightly", action="store_true", help="run those for .ci/nightly too")


def pytest_configure(config: pytest.Config) -> None:
    collect_rarely()
    # What the tests of `plait.forkserver` are about; the others have a warm server of their own.
    os.environ["PLAIT_FORK"] = "0"
    if config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ:
        share_warm_server()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        # What is for the night is not for CI, whatever else the module says of its tests.
        marker = next((m for m in ("nightly", "slow") if item.get_closest_marker(m)), None)
        if marker and not config.getoption(f"--{marker}"):
            item.add_marker(pytest.mark.skip(reason=f"{marker}: runs with --{marker}"))


def pytest_collection_finish() -> None:
    # What is imported by now is no garbage, and need not be looked through again and again.
    gc.freeze()


def pytest_sessionfinish() -> None:
    end_warm_server()


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """What a command that runs in this process does at signals ends with its test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def warm_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers, stages and DVC that this process starts itself ask the warm server too."""
    monkeypatch.setattr(sys, "executable", warm_python())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh copy of the project."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy that tests must leave as it is."""
    return copy_project(tmp_path_factory.mktemp("shared") / "project")
