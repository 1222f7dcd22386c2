"""What trials say together: the best, repeats over seeds, a table."""

import math
from dataclasses import replace
from typing import Any

import pytest

from plait.config.resolved import Resolved
from plait.evaluation.notation import duration
from plait.sweeps.section import name_of
from plait.sweeps.summary import Row, summarise
from plait.sweeps.table import conclusion, counts, table
from plait.sweeps.trial import Outcome, Status
from plait.tracking.query.score import Score
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
    data: int | None = None,
) -> Row:
    """A trial; of ``data`` as seed, on test rows of its own."""
    values: dict[str, Any] = {"seed": seed, "optimizer": {"choice": "sgd", "lr": lr}}
    if data is not None:
        values["data"] = {"choice": "synthetic", "seed": data}
    configuration: Resolved = resolved(**values, identity=f"{lr} {seed} {data}")
    score = None
    if value is not None:
        score = Score(metric, direction, value, value - 1, value + 1)
    words = (f"lr={lr}", f"seed={seed}") + (() if data is None else (f"data.seed={data}",))
    return Row(configuration, words, Outcome(status, 2.0, "run", reason), score, f"{data}")


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


def test_repeats_over_data_seeds_are_told_as_such_and_crown_no_trial() -> None:
    summary = summarise([row(value, data=int(value)) for value in (1.0, 2.0, 3.0, 4.0)])
    assert summary.best is None
    assert summary.bests == ()
    (group,) = summary.repeats
    assert group.shown == "test/mse 2.5 ± 0.6455 (4 data seeds, each on its own test rows)"
    assert summary.unranked == (
        "its trials were measured on different test rows, a set for each seed of the data"
    )
    text = table(summary)
    assert "repeats over seeds of the data, each on its own rows, mean" in text
    assert "*" not in text


def test_trials_on_the_same_rows_count_once_among_repeats_over_data_seeds() -> None:
    # Two trainings a data seed: three sets of rows, whose means are 1, 2 and 6.
    values = {0: (0.0, 2.0), 1: (1.0, 3.0), 2: (6.0, 6.0)}
    rows = [
        row(value, seed=seed, data=data)
        for data, both in values.items()
        for seed, value in enumerate(both)
    ]
    (group,) = summarise(rows).repeats
    assert group.mean == 3.0
    assert group.error == pytest.approx(math.sqrt((4 + 1 + 9) / 2 / 3))
    assert group.over == "3 data seeds, each on its own test rows, 6 trials"


def test_means_over_the_same_sets_of_rows_are_compared_and_over_others_not() -> None:
    both = [row(lr + data, lr=lr, data=data) for lr in (0.3, 0.1, 0.2) for data in (0, 1)]
    summary = summarise(both)
    assert summary.best is None
    assert summary.best_line is not None
    assert {one.overrides[0] for one in summary.best_line.rows} == {"lr=0.1"}
    # One of them lacks the difficult rows, and looks better for that.
    assert summarise([*both, row(0.05, lr=0.05, data=0)]).best_line is None


def test_each_set_of_rows_has_a_best_of_its_own() -> None:
    rows = [
        replace(row(lr + noise, lr=lr, data=0), resolved=noisy, measured_on=f"{noise}")
        for noise in (0.5, 0.1)
        for lr in (0.2, 0.1, 0.3)
        for noisy in (
            resolved(
                optimizer={"choice": "sgd", "lr": lr}, data={"choice": "synthetic", "noise": noise}
            ),
        )
    ]
    summary = summarise(rows)
    assert summary.best is None
    assert list(summary.bests) == [rows[1], rows[4]]
    assert summary.unranked == (
        "its trials were measured on different test rows (data.noise=0.5, data.noise=0.1)"
    )
    lines = table(summary).splitlines()
    assert lines[1] == "on the test rows of data.noise=0.5:"
    assert lines[5] == "on the test rows of data.noise=0.1:"
    assert [line[0] for line in (*lines[2:5], *lines[6:9])] == [" ", "*", " "] * 2
    assert "* best on the same rows" in lines[0]


def test_what_was_no_valid_configuration_stands_in_the_table_with_its_reason() -> None:
    refused = Row(None, ("optimizer=adam",), Outcome("failed", 0.0, None, "no momentum"), None)
    summary = summarise([row(1.0), refused])
    assert summary.best is not None
    assert counts(summary.rows) == "1 new, 1 failed"
    assert "failed: optimizer=adam: no momentum" in table(summary)


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


def held_out(value: float, test: float, **how: Any) -> Row:
    """A trial that is ranked by its validation part."""
    tested = Score("test/mse", "minimize", test, test - 1, test + 1)
    ranked = row(value, metric="validation/mse", **how)
    assert ranked.score is not None
    return replace(ranked, score=replace(ranked.score, low=None, high=None), tested=tested)


def unasked(value: float, **how: Any) -> Row:
    """A trial that holds nothing out, and whose test part nobody named for choosing."""
    return replace(row(value, **how), ranks=False)


def test_the_test_part_stands_beside_what_chooses_and_chooses_nothing() -> None:
    rows = [held_out(3.0, 1.0, lr=0.1), held_out(2.0, 5.0, lr=0.2)]
    summary = summarise(rows)
    assert summary.best is rows[1]
    head, first, second = table(summary).splitlines()
    assert head.split()[:6] == ["trial", "status", "validation/mse", "test/mse", "interval", "time"]
    assert "(less is better; * best)" in head
    assert first.split()[3:7] == ["3", "1", "0", "to"]
    assert second.split()[4:8] == ["2", "5", "4", "to"]
    said = conclusion(summary, "s")
    assert "\nbest by validation/mse: lr=0.2 seed=0\n  test/mse 5, 4 to 6: the one to quote" in said
    assert "flatters" not in said


def test_where_nothing_is_held_out_none_is_the_best_and_it_says_what_to_set() -> None:
    rows = [unasked(3.0, lr=0.1), unasked(1.0, lr=0.2, seed=0), unasked(2.0, lr=0.2, seed=1)]
    summary = summarise(rows)
    assert (summary.best, summary.best_line, summary.bests) == (None, None, ())
    assert summary.unranked == (
        "no rows are held out to rank by; set data.split.val or data.split.folds above 0, or"
        " sweep.metric=test/mse to rank by the test part"
    )
    text = table(summary)
    assert "*" not in text
    assert "lr=0.2: test/mse 1.5 ± 0.5 (2 seeds)" in text
    said = conclusion(summary, "s")
    assert "no best of all: no rows are held out" in said
    assert "best mean" not in said


def test_of_trials_only_some_of_which_hold_rows_out_none_is_the_best() -> None:
    summary = summarise([unasked(1.0, lr=0.1), held_out(2.0, 3.0, lr=0.2)])
    assert summary.best is None
    assert summary.unranked is not None
    assert summary.unranked.startswith("of 1 of its trials, no rows are held out to rank by")


def test_one_trial_that_finished_has_not_been_chosen() -> None:
    rows = [unasked(1.0), row(None, lr=0.2, status="failed", reason="no")]
    assert summarise(rows).best is rows[0]
    said = conclusion(summarise(rows), "s")
    assert "the one that finished: lr=0.1 seed=0\n" in said


def test_only_where_the_test_part_was_named_is_its_best_called_flattered() -> None:
    said = conclusion(summarise([row(1.0, lr=0.1), row(2.0, lr=0.2)]), "s")
    line = "best by test/mse, which flatters the best of several on the same rows: lr=0.1 seed=0"
    assert line in said.splitlines()


def test_of_equal_trials_the_first_is_the_best_and_the_others_are_named() -> None:
    rows = [held_out(value, 1.0, lr=lr) for lr, value in ((0.3, 2.0), (0.1, 1.0), (0.2, 1.0))]
    summary = summarise(rows)
    assert summary.best is rows[1]
    assert summary.groups[0].ties == (rows[2],)
    assert "as good, and later in the sweep: lr=0.2 seed=0" in conclusion(summary, "s")
    seeds = [held_out(1.0, 1.0, seed=0), held_out(1.0, 2.0, seed=1), held_out(3.0, 1.0, lr=0.2)]
    assert summarise(seeds).groups[0].ties == (seeds[1],)
    assert summarise(rows[:2]).groups[0].ties == ()


def test_repeats_tell_what_they_are_ranked_by_and_the_test_part() -> None:
    summary = summarise([held_out(value, 2 * value, seed=int(value)) for value in (1.0, 2.0, 3.0)])
    (line,) = summary.repeats
    assert line.shown == "validation/mse 2 ± 0.5774, test/mse 4 ± 1.155 (3 seeds)"


def test_a_mean_over_folds_has_its_standard_error_beside_it() -> None:
    score = Score("cv/mse", "minimize", 2.0, error=0.25)
    rows = [replace(held_out(2.0, 3.0, lr=lr), score=score) for lr in (0.1, 0.2)]
    head, first, *_ = table(summarise(rows)).splitlines()
    assert head.split()[2:5] == ["cv/mse", "±", "test/mse"]
    assert first.split()[4:7] == ["2", "0.25", "3"]
