"""Plots: the right ones, whole, and equal when drawn again."""

import dataclasses
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.evaluation import fonts
from plait.evaluation.plots.canvas import evenly
from plait.evaluation.plots.over_time import date_locator
from plait.workspace import Outputs

from .conftest import (
    CURVES,
    DRAWN,
    Case,
    FakeModel,
    by_centre,
    classes_case,
    constant,
    run,
    true_model,
)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_two_evaluations_are_equal_byte_for_byte(market: Case, tmp_path: Path) -> None:
    model = FakeModel(lambda frame: 0.001 * frame.signal.to_numpy())
    run(market, model, CURVES, resamples=20, plots=DRAWN)
    first = digests(market.outputs.results)
    run(market, model, CURVES, resamples=20, plots=DRAWN)
    assert digests(market.outputs.results) == first
    assert b"Software" not in (market.outputs["plots"] / "over_time.png").read_bytes()


@pytest.mark.slow
def test_the_plots_fit_the_task_and_the_curves(linear: Case, market: Case) -> None:
    def names(evaluation: dict[str, Any]) -> list[str]:
        return [Path(plot["file"]).stem for plot in evaluation["plots"]]

    scatter = ["predicted_against_true", "residuals"]
    evaluation = run(linear, true_model(), CURVES, resamples=20, plots=DRAWN)
    assert names(evaluation) == ["comparison", "learning_curves", *scatter]
    for plot in evaluation["plots"]:
        picture = (linear.outputs.results / plot["file"]).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert plot["alt"]
    evaluation = run(market, constant(0.0), resamples=20, plots=DRAWN)
    assert names(evaluation) == ["comparison", *scatter, "over_time"]
    left = {path.stem for path in market.outputs["plots"].iterdir()}
    assert left == set(names(evaluation))


def test_none_are_drawn_where_none_are_wanted_and_former_ones_go(linear: Case) -> None:
    folder = linear.outputs["plots"]
    folder.mkdir(parents=True)
    (folder / "residuals.png").write_bytes(b"a former one")
    evaluation = run(linear, true_model(), CURVES, resamples=20)
    assert (evaluation["plots"], list(folder.iterdir())) == ([], [])


@pytest.mark.slow
def test_labels_of_every_script_are_drawn(outputs: Outputs) -> None:
    """Else matplotlib warns that a glyph is missing, and warnings are errors."""
    classes = ("好评", "差評", "とても良い", "très bon")
    run(
        classes_case(outputs, classes, rows=200), FakeModel(by_centre(4)), resamples=20, plots=DRAWN
    )


@pytest.mark.slow
def test_without_the_font_missing_characters_are_told(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "FURTHER", ("no_such_package", "font.ttf", ""))
    fonts.families.cache_clear()
    try:
        with pytest.warns(UserWarning, match="Glyph .* missing"):
            run(
                classes_case(outputs, ("好评", "bad"), rows=200),
                FakeModel(by_centre(2)),
                plots=DRAWN,
            )
    finally:
        fonts.families.cache_clear()


@pytest.mark.parametrize("count", [2, 3, 12, 25])
def test_classes_few_or_many_get_a_matrix_and_a_curve(outputs: Outputs, count: int) -> None:
    classes = tuple(f"class {number}" for number in range(count))
    case = classes_case(outputs, classes, rows=1500)
    evaluation = run(
        case, FakeModel(by_centre(count)), metrics=["accuracy"], resamples=20, plots=DRAWN
    )
    drawn = [Path(plot["file"]).stem for plot in evaluation["plots"]]
    assert drawn == ["comparison", "confusion", "roc", "calibration"]


@pytest.mark.slow
def test_a_direction_over_time_is_drawn_as_a_probability(market: Case) -> None:
    columns = [
        dataclasses.replace(column, type="category") if column.role == "target" else column
        for column in market.dataset.columns
    ]
    dataset = dataclasses.replace(
        market.dataset, task="classification", classes=("down", "up"), columns=tuple(columns)
    )

    def labelled(frame: pd.DataFrame) -> pd.DataFrame:
        names = {True: "up", False: "down"}
        return frame.assign(y=(frame.y > 0).map(names), yesterday=(frame.yesterday > 0).map(names))

    case = dataclasses.replace(
        market, dataset=dataset, train=labelled(market.train), test=labelled(market.test)
    )
    model = FakeModel(lambda frame: np.full((len(frame), 2), [0.4, 0.6]))
    evaluation = run(case, model, metrics=["accuracy"], resamples=20, plots=DRAWN)
    assert "over_time" in evaluation["plots"][-1]["file"]
    assert set(evaluation["baselines"]) == {"majority", "naive"}


def test_without_rows_of_every_class_there_is_no_roc_curve(outputs: Outputs) -> None:
    case = classes_case(outputs, ("no", "yes"))
    case = dataclasses.replace(case, test=case.test[case.test.kind == "no"])
    evaluation = run(case, FakeModel(by_centre(2)), resamples=20, plots=DRAWN)
    assert not any("roc" in plot["file"] for plot in evaluation["plots"])


def test_rows_are_chosen_evenly_with_both_ends() -> None:
    assert evenly(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert evenly(101, 5).tolist() == [0, 25, 50, 75, 100]
    assert evenly(1, 5).tolist() == [0]


@pytest.mark.parametrize("hours", [1, 5, 30, 24 * 9, 24 * 50, 24 * 400, 24 * 950, 24 * 3000])
def test_any_span_of_time_has_ticks(hours: int) -> None:
    start = pd.Timestamp("2010-01-05")
    for stretch in (1, 1.2, 1.4, 1.6, 1.8):
        end = start + pd.Timedelta(hours=hours * stretch)
        assert 1 <= len(date_locator().tick_values(start, end)) <= 8
