"""Runs by what people call them."""

import os

import pytest

from plait.artifacts import write_json
from plait.errors import UserError
from plait.tracking.query.find import find
from plait.tracking.query.run import names_in
from plait.tracking.store.store import Store
from plait.tracking.tags import BEST_OF, SWEEPS
from plait.workspace import Workspace


def add(store: Store, name: str, at: int = 0, status: str = "FINISHED", **tags: str) -> str:
    experiment, _, label = name.partition(" ")
    described = {"plait.experiment": experiment}
    described |= {f"plait.{key}": text for key, text in tags.items()}
    run = store.client.create_run(store.experiment(experiment), 1000 + at, described, label or name)
    store.client.set_terminated(run.info.run_id, status, 2000 + at)
    return str(run.info.run_id)


def found(workspace: Workspace, reference: str) -> str:
    return find(workspace, reference).run_id


def test_by_the_whole_id_or_its_start(workspace: Workspace, store: Store) -> None:
    ids = [add(store, f"line lr={number}", status="FAILED") for number in range(3)]
    for run_id in ids:
        for length in (32, 12, 8):
            assert found(workspace, run_id[:length]) == run_id
    for unknown in (ids[0][:5], "0" * 32, ids[0][:8].upper() + "z"):
        with pytest.raises(UserError, match="no run"):
            find(workspace, unknown)


def test_a_start_that_several_ids_have_is_refused(workspace: Workspace, store: Store) -> None:
    starts: dict[str, list[str]] = {}
    while not any(len(ids) > 1 for ids in starts.values()):
        # Ids are drawn: of one character, 17 are enough for two alike.
        run_id = add(store, "line")
        starts.setdefault(run_id[:1], []).append(run_id)
    (several,) = [ids for ids in starts.values() if len(ids) > 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plait.tracking.query.find.SHORTEST_ID", 1)
        with pytest.raises(UserError, match="several runs") as refused:
            find(workspace, several[0][0])
    assert all(run_id in str(refused.value) for run_id in several)


def test_by_name_finished_before_newer(workspace: Workspace, store: Store) -> None:
    add(store, "line lr=1", 1)
    newest = add(store, "line lr=1", 2)
    add(store, "line lr=1", 3, "FAILED")
    failed = add(store, "line lr=2", 4, "FAILED")
    assert found(workspace, "line lr=1") == newest
    assert found(workspace, "line lr=2") == failed
    assert found(workspace, "line") == newest


def test_a_name_that_runs_of_several_experiments_have_needs_the_experiment(
    workspace: Workspace, store: Store
) -> None:
    line = add(store, "line lr=1")
    assert found(workspace, "lr=1") == line
    curve = add(store, "curve lr=1")
    with pytest.raises(UserError, match="say which: 'curve lr=1', 'line lr=1'"):
        find(workspace, "lr=1")
    assert found(workspace, "line lr=1") == line
    assert found(workspace, "curve lr=1") == curve


def test_by_experiment_the_newest_finished_one(workspace: Workspace, store: Store) -> None:
    add(store, "line lr=1", 2)
    newest = add(store, "line lr=2", 3)
    add(store, "line lr=3", 4, "KILLED")
    assert found(workspace, "line") == newest


def test_the_best_of_the_newest_sweep_or_of_a_named_one(workspace: Workspace, store: Store) -> None:
    first = add(store, "line lr=1", 1, best_of="a_b")
    both = add(store, "line lr=2", 2, best_of="axb, c")
    add(store, "line lr=3", 3)
    assert found(workspace, "best") == both
    assert found(workspace, "best:c") == both
    # Not the other one, though `_` stands for any letter in the store's language.
    assert found(workspace, "best:a_b") == first
    with pytest.raises(UserError, match="no run 'best:a'"):
        find(workspace, "best:a")


def test_the_best_is_of_the_sweep_that_ended_last_though_its_trials_were_done_before(
    workspace: Workspace, store: Store
) -> None:
    reused = add(store, "line lr=1", 1, best_of="again")
    add(store, "line lr=2", 2, best_of="other")
    for name, finished in (("other", True), ("again", True), ("interrupted", False)):
        left = {"name": name, "finished": finished, "unranked": None, "trials": []}
        path = workspace.scratch / "sweeps" / f"{name}.json"
        write_json(path, left)
        # Files of one moment have an order, too.
        os.utime(path, ns=(0, {"other": 1, "again": 2, "interrupted": 3}[name]))
    assert found(workspace, "best") == reused


@pytest.mark.parametrize("reference", ["best", "best:seeds"])
def test_a_sweep_that_crowned_no_trial_says_why(
    reference: str, workspace: Workspace, store: Store
) -> None:
    left = {"name": "seeds", "finished": True, "unranked": "its trials differ", "trials": []}
    write_json(workspace.scratch / "sweeps" / "seeds.json", left)
    with pytest.raises(UserError, match="sweep seeds has no best trial: its trials differ"):
        find(workspace, reference)


def test_a_run_knows_the_sweeps_that_it_is_of(workspace: Workspace, store: Store) -> None:
    trial = add(store, "line lr=1", sweep="a_b, other", best_of="other")
    run = find(workspace, trial)
    assert (run.sweeps, run.best_of) == (["a_b", "other"], ["other"])
    assert (names_in("a_b, other"), names_in(None)) == (["a_b", "other"], [])
    assert (SWEEPS, BEST_OF) == ("plait.sweep", "plait.best_of")


@pytest.mark.parametrize("odd", ["it's", "50%", 'a"b', "a`b", "a\\b", "a;b", "--", "", "(x)", "é"])
def test_any_text_is_answered(workspace: Workspace, store: Store, odd: str) -> None:
    add(store, "line lr=1")
    for reference in (odd, f"best:{odd}" if odd else "best:none"):
        with pytest.raises(UserError, match="no run"):
            find(workspace, reference)


def test_without_a_store_there_is_no_run(empty: Workspace) -> None:
    with pytest.raises(UserError, match="`plait runs` lists those there are"):
        find(empty, "line")
    assert not empty.store.exists()
