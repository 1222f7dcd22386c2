"""What trials say together: the best, repeats over seeds, a table."""

import math
from typing import Any

import pytest

from plait.config.resolved import Resolved
from plait.evaluation.notation import duration
from plait.sweeps.summary import Row, counts, summarise, table
from plait.sweeps.sweep import name_of
from plait.sweeps.trial import Outcome, Status
from plait.tracking.score import Score
from tracking.conftest import resolved


def row(
    value: float | None,
    *,
    lr: float = 0.1,
    seed: int = 0,
    status: Status = "new",
    metric: str = "test/mse",
    direction: str = "minimize",
    reason: str | None = None,
) -> Row:
    values: dict[str, Any] = {"seed": seed, "optimizer": {"choice": "sgd", "lr": lr}}
    configuration: Resolved = resolved(**values, identity=f"{lr} {seed}")
    score = None
    if value is not None:
        score = Score(metric, direction, value, value - 1, value + 1)
    return Row(
        configuration, (f"lr={lr}", f"seed={seed}"), Outcome(status, 2.0, "run", reason), score
    )


def test_the_best_trial_is_the_one_with_the_best_value() -> None:
    rows = [row(3.0, lr=0.1), row(1.0, lr=0.2), row(2.0, lr=0.3)]
    assert summarise(rows).best is rows[1]
    rows = [row(value, lr=value, direction="maximize") for value in (0.3, 0.9, 0.5)]
    assert summarise(rows).best is rows[1]


def test_repeats_are_compared_by_their_mean_so_that_no_lucky_seed_wins() -> None:
    lucky = [row(0.0, lr=0.1, seed=0), row(9.0, lr=0.1, seed=1)]
    steady = [row(2.0, lr=0.2, seed=0), row(1.0, lr=0.2, seed=1)]
    summary = summarise([*lucky, *steady])
    assert summary.best is steady[1]
    assert [group.mean for group in summary.repeats] == [4.5, 1.5]


def test_the_standard_error_is_that_of_the_mean() -> None:
    (group,) = summarise([row(value, seed=int(value)) for value in (1.0, 2.0, 3.0, 4.0)]).repeats
    assert group.mean == 2.5
    assert group.error == pytest.approx(math.sqrt((5 / 3) / 4))
    assert group.shown == "test/mse 2.5 ± 0.6455 (4 seeds)"


def test_trials_with_different_main_metrics_have_no_best() -> None:
    rows = [row(1.0), row(0.9, lr=0.2, metric="test/accuracy", direction="maximize")]
    assert summarise(rows).best is None
    assert "test/accuracy 0.9" in table(summarise(rows))


def test_failed_trials_stand_in_the_table_with_their_reason() -> None:
    rows = [row(1.0), row(None, lr=0.2, status="failed", reason="ValueError: no\nmore")]
    text = table(summarise(rows))
    assert "failed: lr=0.2 seed=0: ValueError: no" in text
    assert "more" not in text
    assert counts(rows) == "1 new, 1 failed"


def test_nothing_finished_is_no_error() -> None:
    summary = summarise([row(None, status="failed", reason="no")])
    assert summary.best is None
    assert "failed" in table(summary)


def test_a_sweep_keeps_its_name_while_its_command_stays_the_same() -> None:
    one = name_of(["experiment=wine", "optimizer.lr=0.1,0.2", "seed=range(3)", "batch_size=16"])
    assert one.startswith("wine-lr-seed-")
    assert one == name_of(
        ["optimizer.lr=0.1,0.2", "batch_size=16", "seed=range(3)", "experiment=wine"]
    )
    assert one != name_of(["experiment=wine", "optimizer.lr=0.1,0.3", "seed=range(3)"])
    assert name_of(["experiment=wine,market", "seed=1"]).startswith("experiments-")


def test_durations_read_well() -> None:
    assert [duration(seconds) for seconds in (4.21, 75, 3725)] == [
        "4.2 s",
        "1 min 15 s",
        "1 h 2 min",
    ]
