"""The page of a sweep: what is averaged, what is drawn against what."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from plait.evaluation.settings import Plots
from plait.sweeps.charts import SAVED, TRAINED, TrialGroup, scales
from plait.sweeps.overview import standings, write
from plait.sweeps.summary import Row, summarise
from plait.sweeps.trial import Outcome
from plait.tracking.cost import MEMORY, SECONDS
from plait.tracking.query.score import Score
from tracking.conftest import resolved

PLOTS = Plots(draw=True, dpi=60, width=6, height=4, max_points=100)


def trial(method: str, labels: str, seed: int, value: float | None) -> Row:
    number = 5000 if labels == "null" else int(labels)
    configuration = resolved(
        seed=seed,
        batch_size=number,
        optimizer={"choice": method, "lr": 0.1},
        identity=f"{method}{labels}{seed}",
    )
    words = (f"finetuning={method}", f"n_labelled={labels}", f"seed={seed}")
    if value is None:
        return Row(configuration, words, Outcome("failed", 1.0, None, "no memory"), None)
    score = Score("test/f1_macro", "maximize", value, value - 0.1, value + 0.1)
    return Row(configuration, words, Outcome("new", 2.0, f"run-{method}{labels}{seed}"), score)


ROWS = [
    trial(method, labels, seed, base + 0.1 * place + 0.02 * seed)
    for method, base in (("full", 0.4), ("lora", 0.5))
    for place, labels in enumerate(("50", "500", "null"))
    for seed in (0, 1)
]


def recorded(row: Row) -> dict[str, float]:
    trained = 1e7 if row.overrides[0] == "finetuning=full" else 1e5
    costs = {TRAINED: trained, SAVED: 4 * trained, SECONDS: 60.0, MEMORY: 1500.0}
    return {**costs, "test_baseline/tfidf": 0.45, "train/loss": 0.2}


RECORDED = {str(row.outcome.run_id): recorded(row) for row in ROWS}


def lines_of(rows: list[Row]) -> list[TrialGroup]:
    (group,) = summarise(rows).groups
    return standings(group, RECORDED)


def test_trials_that_differ_by_their_seed_are_one_line() -> None:
    lines = lines_of(ROWS)
    assert len(lines) == 6
    first = lines[0]
    assert first.shown == "finetuning=full n_labelled=50"
    assert first.settings == {"finetuning": "full", "n_labelled": "50"}
    assert first.value == pytest.approx(0.41)
    # The standard error of 0.40 and 0.42.
    assert (first.low, first.high) == pytest.approx((0.40, 0.42))
    assert first.costs[TRAINED] == 1e7
    assert first.baselines == {"test_baseline/tfidf": 0.45}


def test_a_trial_alone_keeps_the_interval_of_the_test_part() -> None:
    (line,) = lines_of(ROWS[:1])
    assert (line.value, line.low, line.high) == pytest.approx((0.4, 0.3, 0.5))


def test_the_page_shows_every_line_with_what_it_costs(tmp_path: Path) -> None:
    rows = [*ROWS, trial("prefix", "50", 0, None)]
    links = {str(row.outcome.run_id): f"http://ui/{row.outcome.run_id}" for row in ROWS}
    path = tmp_path / "sweeps" / "few.html"
    write(path, "few", summarise(rows), RECORDED, links, PLOTS)
    page = path.read_text(encoding="utf-8")
    for method in ("full", "lora"):
        for labels in ("50", "500", "null"):
            assert f"<td>finetuning={method} n_labelled={labels}</td>" in page
    for shown in ("10,000,000", "400.0 kB", "1 min 0 s", "1.5 GB", "F1 (macro), test part"):
        assert shown in page
    assert page.count('href="http://ui/run-') == len(ROWS)
    assert '<td>tfidf (baseline)</td><td class="own">0.45</td>' in page
    assert "the mean, ± its standard error" in page
    assert "single trial" not in page
    assert "no memory" in page
    titles = re.findall(r"<figcaption><b>([^<]+)</b>", page)
    assert titles == ["F1 (macro), test part against n labelled", "What quality costs"]
    assert page.count("higher is better; with ± the standard error over seeds</figcaption>") == 2


def test_nothing_is_drawn_where_nothing_varies(tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    write(path, "one", summarise(ROWS[:2]), RECORDED, {}, PLOTS)
    assert "<figure>" not in path.read_text(encoding="utf-8")


def test_trials_of_different_metrics_are_listed_and_not_drawn(tmp_path: Path) -> None:
    other = replace(ROWS[5], score=Score("test/mse", "minimize", 3.0))
    path = tmp_path / "two.html"
    write(path, "two", summarise([ROWS[0], other]), RECORDED, {}, PLOTS)
    page = path.read_text(encoding="utf-8")
    assert "<figure>" not in page
    assert "n_labelled=null" in page


def test_a_sweep_in_which_all_failed_has_a_page(tmp_path: Path) -> None:
    path = tmp_path / "none.html"
    write(path, "none", summarise([trial("full", "50", 0, None)]), {}, {}, PLOTS)
    assert "no memory" in path.read_text(encoding="utf-8")


def test_a_setting_has_a_scale_where_its_values_are_numbers() -> None:
    (scale,) = scales(lines_of(ROWS))
    assert scale.key == "n_labelled"
    assert scale.logarithmic
    assert scale.ticks == [(50.0, "50"), (500.0, "500"), (1000.0, "all")]


@pytest.mark.slow
def test_only_trials_on_the_same_rows_are_drawn_together(tmp_path: Path) -> None:
    rows = [
        replace(row, resolved=resolved(**{**row.resolved.values, **data}), measured_on=noise)
        for row in ROWS
        if row.resolved is not None
        for noise in ("0.1", "0.2")
        for data in ({"data": {"choice": "synthetic", "noise": noise}},)
    ]
    path = tmp_path / "apart.html"
    write(path, "apart", summarise(rows), RECORDED, {}, PLOTS)
    page = path.read_text(encoding="utf-8")
    assert "no best of all: its trials were measured on different test rows" in page
    for noise in ("0.1", "0.2"):
        assert f">measured on: data.noise={noise}</th>" in page
        assert f"<b>F1 (macro), test part of data.noise={noise} against n labelled</b>" in page
    assert len(re.findall("<figcaption>", page)) == 4
