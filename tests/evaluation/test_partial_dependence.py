"""Partial dependence: exact of what adds up, wide where columns act together."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.evaluation.partial_dependence import MISSING, POINTS, partial_dependence
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.partial_dependence import draw_partial_dependence
from plait.evaluation.settings import Plots
from plait.evaluation.task import evaluation_of

from .columns_of_all_types import EFFECT, OnInputs, assess, by, least_squares, rows
from .conftest import describe


def told(model: OnInputs, frame: pd.DataFrame, *names: str) -> Any:
    encoded, assessment = assess(model, frame)
    return partial_dependence(encoded, np.arange(len(frame)), assessment, list(names))


def test_what_adds_up_is_met_exactly_and_all_rows_agree() -> None:
    frame = rows()
    model = least_squares(frame)
    size, city = told(model, frame, "size", "city")
    assert (size["type"], size["unit"]) == ("number", "m²")
    assert len(size["points"]) == POINTS
    (line,) = size["lines"]
    for point, mean in zip(size["points"], line["mean"], strict=True):
        everywhere = model.predict(frame.assign(size=point)).mean()
        assert mean == pytest.approx(everywhere, abs=1e-6)
    assert line["low"] == pytest.approx(line["mean"], abs=1e-7)
    assert line["high"] == pytest.approx(line["mean"], abs=1e-7)
    assert city["points"] == ["Bonn", "Köln", "Ulm"]
    mean = np.array(city["lines"][0]["mean"])
    assert mean - mean[0] == pytest.approx([EFFECT[each] for each in city["points"]], abs=0.1)


def test_the_band_is_wide_where_columns_act_together() -> None:
    frame = rows()
    (found,) = told(by(lambda given: given[:, 0] * given[:, 2], frame), frame, "copy")
    (line,) = found["lines"]
    widths = np.array(line["high"]) - np.array(line["low"])
    assert widths[0] > 1
    assert widths[-1] > 1
    assert widths.min() < 0.3


def test_points_are_values_of_the_test_part_rising_and_equally_far_apart_in_rows() -> None:
    frame = rows()
    size, built = told(least_squares(frame), frame, "size", "built")
    known = np.sort(frame["size"].dropna())
    assert size["points"] == sorted(size["points"])
    places = np.searchsorted(known, np.array(size["points"]) - 1e-6)
    assert np.ptp(np.diff(places)) <= 1
    assert built["type"] == "date"
    assert built["points"] == sorted(built["points"])
    assert built["points"][0].startswith("2001-04-")


def test_few_numbers_have_a_point_each_and_missing_ones_none() -> None:
    frame = rows()
    frame["noise"] = np.where(np.arange(240) % 3 == 0, np.nan, np.arange(240) % 2)
    frame["copy"] = np.nan
    frame.loc[0, "copy"] = 2.5
    noise, copied = told(least_squares(frame), frame, "noise", "copy")
    assert noise["points"] == [0, 1]
    assert copied["points"] == [2.5]


def test_categories_are_the_most_frequent_and_missing_is_one() -> None:
    frame = rows()
    frame["city"] = frame["city"].astype(object)
    frame.loc[:149, "city"] = None
    (city,) = told(least_squares(frame), frame, "city")
    assert city["points"][0] == MISSING
    assert set(city["points"][1:]) == set(EFFECT)


def test_each_kind_of_task_says_what_is_averaged() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.arange(1.0, 8), size=(4, 30))
    many = evaluation_of("classification").told(
        probabilities, describe("classification", [], classes=tuple("abcdefg"))
    )
    assert list(many) == [f"P({each})" for each in "cdefg"]
    assert (many["P(d)"] == probabilities[..., 3]).all()
    two = describe("classification", [], classes=("no", "yes"))
    assert list(evaluation_of("classification").told(probabilities[..., :2], two)) == ["P(yes)"]
    sets = dataclasses.replace(two, task="multilabel")
    assert list(evaluation_of("multilabel").told(probabilities[..., :2], sets)) == [
        "P(no)",
        "P(yes)",
    ]


@pytest.mark.slow
def test_a_panel_is_drawn_for_each_type_and_for_several_classes(tmp_path: Any) -> None:
    frame = rows()
    found = told(least_squares(frame), frame, "size", "city", "built")
    canvas = Canvas(
        tmp_path / "plots", Plots(draw=True, dpi=50, width=6.4, height=4.0, max_points=200)
    )
    draw_partial_dependence(canvas, found)
    for each in found:
        each["lines"] = [{**each["lines"][0], "label": f"P({name})"} for name in "ab"]
    draw_partial_dependence(canvas, found[1:2])
    first, second = canvas.drawn
    assert "as size, city and built take one value" in first["alt"]
    assert "as city takes one value" in second["alt"]
    assert (tmp_path / first["file"]).read_bytes().startswith(b"\x89PNG")
