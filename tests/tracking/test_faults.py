"""A store that is broken is told at once and as what it is; one that is away is waited for."""

import contextlib
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from plait.tracking.live.journal import journals
from plait.tracking.live.live import LiveRun
from plait.tracking.query.run import run_of_identity
from plait.tracking.store import retry
from plait.tracking.store.backend import sqlite_url
from plait.tracking.store.reaper import open_store_of
from plait.tracking.store.retry import patiently
from plait.tracking.store.store import (
    Store,
    StoreBroken,
    StoreUnavailable,
    open_store,
    translate_errors,
)
from plait.workspace import Workspace

from .conftest import forget, resolved
from .test_live import locked, train


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for what should not be waited for gives up at once, and with the wrong error."""
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    monkeypatch.setattr(retry, "BETWEEN_TRIES", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def edit(database: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def newer(database: Path) -> None:
    edit(database, "UPDATE alembic_version SET version_num = 'ffff00000000'")


def no_database(database: Path) -> None:
    database.write_text("version https://git-lfs.github.com/spec/v1\n" * 20)


def truncated(database: Path) -> None:
    edit(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(database, database.stat().st_size // 2)


def empty(database: Path) -> None:
    database.write_bytes(b"")


def another(database: Path) -> None:
    database.unlink()
    edit(database, "CREATE TABLE cats (name TEXT)")


def a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (newer, "written by a newer MLflow than .*schema ffff00000000.*\n.*install the version"),
        (no_database, r"damaged \(file is not a database\).*\n.*move it away"),
        (truncated, r"damaged \(database disk image is malformed\)"),
        (empty, "not MLflow's; move it away"),
        (another, "not MLflow's; move it away"),
        (a_folder, "can't be used: unable to open database file"),
    ],
)
def test_a_broken_store_is_told_at_once_and_stays_as_it_is(
    workspace: Workspace, damage: Callable[[Path], None], said: str
) -> None:
    database = workspace.store / "mlflow.db"
    damage(database)
    before = database.read_bytes() if database.is_file() else b""
    with pytest.raises(StoreBroken, match=f"the tracking store .*mlflow.db .*{said}"):
        patiently(open_store_of, workspace, resolved())
    assert (database.read_bytes() if database.is_file() else b"") == before


def test_a_store_of_an_older_mlflow_is_told_with_the_cure(workspace: Workspace) -> None:
    edit(workspace.store / "mlflow.db", "UPDATE alembic_version SET version_num = '451aebb31d03'")
    cure = f"mlflow db upgrade '{sqlite_url(workspace.store / 'mlflow.db')}'"
    with pytest.raises(StoreBroken, match=f"written by an older MLflow.*\n  {cure}"):
        patiently(open_store_of, workspace, resolved())


def test_a_training_does_not_begin_whose_store_is_broken(workspace: Workspace) -> None:
    no_database(workspace.store / "mlflow.db")
    with pytest.raises(StoreBroken, match="damaged"), LiveRun(workspace, resolved(), "1 x cpu"):
        raise AssertionError("it trains")
    assert journals(workspace) == []


def test_a_store_that_breaks_while_it_trains_stops_nothing_and_is_told_at_the_end(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.tracking.live.live.PATIENCE", 0.5)
    monkeypatch.setattr("plait.tracking.live.live.check_own", lambda database: None)
    no_database(workspace.store / "mlflow.db")
    train(workspace, resolved(), [1.0])
    said = capsys.readouterr().err
    assert "is damaged (file is not a database)" in said
    assert ".plait/journal/0123456789abcdef.jsonl" in said


def test_a_store_that_can_only_be_read_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = f"file:{store.workspace.store / 'mlflow.db'}?mode=ro&uri=true"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    with pytest.raises(StoreBroken, match="read-only here, or its folder is"):
        patiently(open_store_of, store.workspace, resolved(tracking=SERVER))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("made", [True, False], ids=["the store", "a store to be made"])
def test_a_folder_without_permission_is_told(
    workspace: Workspace, made: bool, request: pytest.FixtureRequest
) -> None:
    if not made:
        (workspace.store / "mlflow.db").unlink()
    workspace.store.chmod(0o500)
    request.addfinalizer(lambda: workspace.store.chmod(0o700))
    with pytest.raises(StoreBroken, match=f"no permission in {workspace.store}"):
        patiently(open_store_of, workspace, resolved())


def test_a_full_disk_is_told_as_what_it_is(store: Store) -> None:
    # A database that may not grow says the same as one whose disk is full.
    database = store.client._tracking_client.store.engine
    with database.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.commit()
    experiment = store.experiment("line")
    with pytest.raises(StoreBroken, match="has no room"), translate_errors(store.backend.uri):
        for number in range(1000):
            store.client.create_run(experiment, number, {"mlflow.note.content": "x" * 5000})


SERVER = {"choice": "server", "uri": None}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("htp://mlflow.example.org", "refuses: .*htp"),
        ("sqlite:////no/such/folder/mlflow.db", "there is no folder /no/such/folder"),
        ("sqlite://mlflow.db", "no valid address"),
        ("postgresql://host:port/x", "no valid address"),
        ("postgresql+nodriver://host/x", "no valid address"),
        ("http://[half/", "no valid address|refuses"),
        ("/some/folder", "refuses"),
    ],
)
def test_an_address_of_nothing_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(StoreBroken, match=said):
        patiently(open_store_of, workspace, resolved(tracking=SERVER))
    assert not Path("/no/such").exists()


@contextlib.contextmanager
def answering(status: int, kind: str, body: str) -> Iterator[str]:
    """A server that answers everything like this; its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = answer  # noqa: N815  # as http.server calls them

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


HTML, JSON = "text/html", "application/json"


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (404, HTML, "<h1>Not Found</h1>", "no MLflow server: there is no such path"),
        (404, JSON, '{"detail": "Not Found"}', "no MLflow server"),
        (200, HTML, "<h1>Welcome to nginx!</h1>", "no MLflow server: something else answers"),
        (403, HTML, "Invalid Host header", "refuses: .*Invalid Host header"),
        (400, JSON, '{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}', "refuses: .*no"),
    ],
)
def test_a_server_that_answers_wrongly_is_told_at_once(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    kind: str,
    body: str,
    said: str,
) -> None:
    with answering(status, kind, body) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(StoreBroken, match=said):
            patiently(open_store_of, workspace, resolved(tracking=SERVER))


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (503, HTML, "Service Unavailable"),
        (502, HTML, "Bad Gateway"),
        (500, JSON, '{"error_code": "INTERNAL_ERROR", "message": "the database is down"}'),
        (503, JSON, '{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "the database is down"}'),
        (429, JSON, '{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slowly"}'),
        (400, JSON, '{"error_code": "BAD_REQUEST", "message": "(1062, Duplicate entry)"}'),
    ],
)
def test_a_server_in_trouble_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, status: int, kind: str, body: str
) -> None:
    with answering(status, kind, body) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        said = "another process" if status == 400 else "does not answer"
        with pytest.raises(StoreUnavailable, match=said):
            patiently(open_store_of, workspace, resolved(tracking=SERVER))


def test_a_server_that_is_away_is_asked_again_until_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retry, "PATIENCE", 60.0)
    monkeypatch.setattr(retry, "BETWEEN_TRIES", 3.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", away)
        looks = []

        def back(seconds: float) -> None:
            looks.append(seconds)
            monkeypatch.setenv("MLFLOW_TRACKING_URI", store.backend.uri)

        monkeypatch.setattr("time.sleep", back)
        opened = patiently(open_store_of, store.workspace, resolved(tracking=SERVER))
    assert opened.experiment_ids() == ["0"]
    assert looks == [3.0]
    assert f"{away} does not answer" in capsys.readouterr().err


def test_a_locked_database_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.tracking.store.relocate.PATIENCE", 0.1)
    with locked(workspace), pytest.raises(StoreUnavailable, match="database is locked"):
        patiently(open_store_of, workspace, resolved())


def test_what_has_been_deleted_meanwhile_is_looked_for_again(store: Store) -> None:
    run = store.client.create_run(store.experiment("line"))
    store.client.delete_run(run.info.run_id)
    with pytest.raises(StoreUnavailable, match="active"), translate_errors(store.backend.uri):
        store.client.log_metric(run.info.run_id, "x", 1.0)


ODD = ("feature%2Fnew", "100%", "a?b=c", "a#b", "a b+c&d;e", 'größe\'s "best" [1]:@')


@pytest.mark.parametrize("name", ODD)
def test_a_checkout_in_a_folder_of_any_name_has_its_store_inside(
    made_store: Path, tmp_path: Path, name: str
) -> None:
    workspace = Workspace.at(tmp_path / name)
    shutil.copytree(made_store / "mlruns", workspace.store)
    store = open_store(workspace, "local", {})
    run = store.client.create_run(store.experiment("line"), tags={"plait.identity": "f00"})
    store.client.log_text(run.info.run_id, "content", "a/note.txt")
    note = Path("artifacts", "line", run.info.run_id, "artifacts", "a", "note.txt")
    assert (workspace.store / note).read_text() == "content"
    forget(workspace)

    moved = Workspace.at(workspace.root.rename(tmp_path / f"moved {name}"))
    again = open_store(moved, "local", {})
    assert run_of_identity(again, "f00").run_id == run.info.run_id  # type: ignore[union-attr]
    copy = again.client.download_artifacts(run.info.run_id, "a/note.txt")
    assert Path(copy).read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == [moved.root.name]
    forget(moved)


def test_a_folder_whose_name_no_database_can_have_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the path holds '\\n'; move the checkout"):
        sqlite_url(tmp_path / "a\nb" / "mlflow.db")
