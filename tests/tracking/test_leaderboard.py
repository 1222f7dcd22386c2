"""The recorded runs, the best first."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Dataset, DatasetInput

from plait.cli import main
from plait.errors import UserError
from plait.tracking.query.leaderboard import Entry, as_json, as_table, entries
from plait.tracking.query.score import direction_of
from plait.tracking.store.store import Store
from plait.workspace import Workspace


def add(
    store: Store,
    experiment: str,
    label: str,
    value: float | None = None,
    *,
    metric: str = "mse",
    direction: str = "minimize",
    at: int = 0,
    status: str = "FINISHED",
    **tags: str,
) -> str:
    """A run as `record` leaves it, or one that never came so far."""
    all_tags = {f"plait.{key}": text for key, text in {"experiment": experiment, **tags}.items()}
    if value is not None:
        all_tags |= {"plait.main_metric": f"test/{metric}", "plait.direction": direction}
    client = store.client
    begin = 1_780_000_000_000 + 1000 * at
    name = f"{experiment} {label}".rstrip()
    run_id = client.create_run(store.experiment(experiment), begin, all_tags, name).info.run_id
    if value is not None:
        client.log_metric(run_id, f"test/{metric}", value)
        client.log_metric(run_id, "cost/train_seconds", 75.0)
        client.log_metric(run_id, f"test_interval/{metric}_low", value / 2)
        client.log_metric(run_id, f"test_interval/{metric}_high", value * 2)
        client.log_metric(run_id, f"test_naive/{metric}", 15084.0)
    if status != "RUNNING":
        client.set_terminated(run_id, status)
    return str(run_id)


def measured_on(store: Store, run_id: str, data: str, **params: object) -> None:
    """Say which data a run was on, as `record` does."""
    dataset = Dataset(name="table", digest=data, source_type="local", source="{}")
    store.client.log_inputs(run_id, [DatasetInput(dataset, [])])
    for key, value in params.items():
        store.client.log_param(run_id, f"data.{key}", value)


def names(found: list[Entry]) -> list[str]:
    return [entry.name for entry in found]


def test_the_best_run_comes_first_by_the_direction_of_its_metric(
    workspace: Workspace, store: Store
) -> None:
    for number, value in enumerate((0.3, 0.1, 0.2)):
        add(store, "line", f"lr={number}", value, at=number)
        more = {"metric": "accuracy", "direction": "maximize"}
        add(store, "kind", f"lr={number}", value, at=10 + number, **more)
    assert names(entries(workspace)) == [
        # The experiment that ran last.
        *("kind lr=0", "kind lr=2", "kind lr=1"),
        *("line lr=1", "line lr=2", "line lr=0"),
    ]


def test_scores_on_different_data_are_not_ranked_against_one_another(
    workspace: Workspace, store: Store
) -> None:
    for number, (seed, value) in enumerate([(1, 0.1), (2, 0.3), (2, 0.2), (1, 0.05)]):
        run = add(store, "line", f"lr={number}", value, at=number, tested_on=f"rows {seed}")
        # Trained on more or fewer rows, and measured on the same.
        measured_on(store, run, f"data {number}", seed=seed)
    add(store, "line", "lr=9", at=9, status="FAILED", error="nan")
    assert names(entries(workspace)) == [
        *("line lr=3", "line lr=0"),
        *("line lr=2", "line lr=1"),
        "line lr=9",
    ]
    assert names(entries(workspace, limit=1)) == ["line lr=3", "line lr=2", "line lr=9"]
    heads = [row for row in as_table(entries(workspace)).splitlines() if row.startswith("line")]
    assert heads == [
        "line, less is better",
        "line on other data (data.seed=2), less is better",
    ]


def test_runs_that_do_not_name_their_rows_are_told_apart_by_all_of_their_data(
    workspace: Workspace, store: Store
) -> None:
    for number, data in enumerate("aba"):
        tested_on = {"tested_on": "rows"} if number == 2 else {}
        run = add(store, "line", f"lr={number}", 0.1 * number + 0.1, at=number, **tested_on)
        measured_on(store, run, data)
    assert names(entries(workspace)) == ["line lr=0", "line lr=2", "line lr=1"]
    assert "line on other data (its files have changed), less" in as_table(entries(workspace))


def test_runs_without_a_score_come_last_and_say_why(workspace: Workspace, store: Store) -> None:
    add(store, "line", "lr=9", at=1, status="FAILED", error="UserError: line: the loss is nan")
    add(store, "line", "lr=8", at=2, status="KILLED", error="interrupted (Ctrl-C)\nor so")
    add(store, "line", "lr=7", at=3, status="RUNNING")
    add(store, "line", "lr=1", 0.5, at=0)
    found = entries(workspace)
    assert [entry.status for entry in found] == ["finished", "running", "killed", "failed"]
    rows = as_table(found).splitlines()[2:]
    assert [row.split()[:2] for row in rows[1:]] == [
        ["lr=7", "running"],
        ["lr=8", "killed"],
        ["lr=9", "failed"],
    ]
    assert "interrupted (Ctrl-C)…" in rows[2]
    assert "  the loss is nan" in rows[3]


def test_a_dozen_trials_fit_a_terminal_of_100_columns(workspace: Workspace, store: Store) -> None:
    for number in range(12):
        label = f"lr={10 ** -(number % 4)} batch_size={16 * 2 ** (number // 4)}"
        best = {"best_of": "lr_batch"} if number == 3 else {}
        add(store, "linear_regression", label, 0.0123456 * 4**number, at=number, **best)
    add(store, "linear_regression", "lr=100.0", at=13, status="FAILED", error="nan " * 50)
    lines = as_table(entries(workspace), 100).splitlines()
    assert max(map(len, lines)) <= 100
    head, titles, *rows = lines[:-2]
    assert head == "linear_regression, less is better"
    assert titles.split() == ["run", "test/mse", "interval", "naive", "took", "began", "id"]
    assert len(rows) == 13
    starts = {row.index("15,084") for row in rows[:12]}
    assert len(starts) == 1
    assert [row.split()[0] for row in rows].count("*") == 1
    (best,) = [row for row in rows if row.startswith("* ")]
    assert best.split()[1:7] == ["lr=0.001", "batch_size=16", "0.7901", "0.3951", "to", "1.58"]
    assert "  1 min 15 s  " in best
    assert lines[-1] == "* the best trial of its sweep"


def test_a_name_that_is_too_long_goes_on_below(workspace: Workspace, store: Store) -> None:
    label = "learning_rate=0.001 batch_size=128 max_epochs=20 weight_decay=0.1"
    add(store, "linear_regression", label, 0.5)
    narrow = as_table(entries(workspace), 90).splitlines()
    assert max(map(len, narrow)) <= 90
    row, *below = [line.split() for line in narrow[2:]]
    assert row[0] == "learning_rate=0.001"
    assert [word for line in below for word in line] == label.split()[1:]
    assert label in as_table(entries(workspace))


def test_what_all_names_share_stands_above_them(workspace: Workspace, store: Store) -> None:
    for number in range(3):
        add(store, "line", f"model=mlp lr={number} seed=3", 0.5)
    head, _, *rows = as_table(entries(workspace)).splitlines()
    assert head == "line model=mlp seed=3, less is better"
    assert sorted(row.split()[0] for row in rows) == ["lr=0", "lr=1", "lr=2"]
    add(store, "line", "model=mlp seed=3", 0.1)
    best = as_table(entries(workspace)).splitlines()[2]
    assert best.split()[:3] == ["model=mlp", "seed=3", "0.1"]


def test_filters_and_limits(workspace: Workspace, store: Store) -> None:
    add(store, "line", "lr=1", 0.1, sweep="one")
    add(store, "line", "lr=2", 0.2, sweep="one, two")
    add(store, "line", "lr=3", 0.3, sweep="two_more")
    add(store, "kind", "", 0.4)
    assert names(entries(workspace, experiment="kind")) == ["kind"]
    assert names(entries(workspace, sweep="one")) == ["line lr=1", "line lr=2"]
    assert names(entries(workspace, sweep="two")) == ["line lr=2"]
    assert len(entries(workspace, limit=1)) == 2
    assert entries(workspace, experiment="line", sweep="three") == []
    with pytest.raises(UserError, match="at least 1 run"):
        entries(workspace, limit=0)


def test_another_metric_ranks_the_runs_that_have_it(workspace: Workspace, store: Store) -> None:
    for number, value in enumerate((0.7, 0.9)):
        run_id = add(store, "line", f"lr={number}", 1.0 - value, at=number)
        store.client.log_metric(run_id, "test/r2", value)
        store.client.log_metric(run_id, "test_naive/r2", -0.25)
        store.client.log_metric(run_id, "val/own", value)
    add(store, "line", "lr=9", 0.1)
    found = entries(workspace, metric="test/r2")
    assert names(found) == ["line lr=1", "line lr=0"]
    assert "line, more is better" in as_table(found)
    assert " −0.25 " in as_table(found)
    # Nobody knows which way it is better, so the newest comes first.
    unknown = entries(workspace, metric="val/own")
    assert names(unknown) == ["line lr=1", "line lr=0"]
    assert as_table(unknown).startswith("line\n")
    with pytest.raises(UserError, match=r"no metric|did you mean test/r2"):
        entries(workspace, metric="test/r3")


def test_directions_are_known_by_name() -> None:
    assert direction_of("loss") == "minimize"
    assert direction_of("mse") == "minimize"
    assert direction_of("accuracy") == "maximize"
    assert direction_of("own") is None


def test_runs_of_one_experiment_by_two_metrics_are_two_tables(
    workspace: Workspace, store: Store
) -> None:
    add(store, "line", "lr=1", 0.5)
    add(store, "line", "lr=2", 0.5, metric="mae")
    add(store, "line", "lr=3", status="FAILED")
    tables = as_table(entries(workspace)).split("\n\n")
    assert [table.split()[5] for table in tables] == ["test/mae", "test/mse"]
    assert "failed" in tables[0]


def test_json_holds_everything_and_is_valid(workspace: Workspace, store: Store) -> None:
    run_id = add(store, "line", "lr=1", 0.5, sweep="one, two", best_of="two", verdict="Better.")
    store.client.log_metric(run_id, "train/loss", math.nan)
    store.client.log_param(run_id, "optimizer.lr", 1)
    store.client.set_tag(run_id, "mlflow.note.content", "A line.")
    failed = add(store, "line", "lr=2", status="FAILED")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    first, second = json.loads(as_json(entries(workspace)), parse_constant=refuse)
    assert first["run_id"] == run_id
    assert first["score"] == {
        "metric": "test/mse",
        "direction": "minimize",
        "value": 0.5,
        "low": 0.25,
        "high": 1.0,
        "naive": 15084.0,
        "error": None,
    }
    assert first["metrics"]["train/loss"] is None
    assert first["params"] == {"optimizer.lr": "1"}
    assert (first["sweeps"], first["best_of"]) == (["one", "two"], ["two"])
    assert first["tags"]["plait.verdict"] == "Better."
    assert all(key.startswith("plait.") for key in first["tags"])
    assert first["began"] == "2026-05-28T20:26:40Z"
    assert first["seconds"] == 75.0
    assert (second["run_id"], second["score"], second["seconds"]) == (failed, None, None)


def test_runs_of_other_programs_are_left_out(workspace: Workspace, store: Store) -> None:
    store.client.create_run(store.experiment("other"))
    assert entries(workspace) == []


def said(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> Any:
    for name in ("dvc.yaml", "conf/config.yaml"):
        (workspace.root / name).parent.mkdir(exist_ok=True)
        (workspace.root / name).touch()
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(sys, "argv", ["plait", "runs", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_no_runs_take_one_line(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(empty, monkeypatch, capsys) == "no run recorded yet\n"
    assert said(empty, monkeypatch, capsys, "--sweep", "one") == "no such run\n"
    assert json.loads(said(empty, monkeypatch, capsys, "--json")) == []
    assert not Path(empty.store).exists()


def test_the_verb_prints_a_table_or_nothing_but_json(
    workspace: Workspace,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add(store, "line", "lr=1", 0.5)
    assert "  lr=1  " in said(workspace, monkeypatch, capsys, "--experiment", "line")
    (entry,) = json.loads(said(workspace, monkeypatch, capsys, "--json", "--limit", "3"))
    assert entry["name"] == "line lr=1"
