"""Permutation importance: of raw columns, against permuting them by hand, and in words."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from plait.data.dataset import Column
from plait.evaluation import effects as module
from plait.evaluation.association import associations
from plait.evaluation.effects import effects
from plait.evaluation.encoded import EncodedRows
from plait.evaluation.importance import importance, permuted_rows
from plait.evaluation.metrics import metrics
from plait.evaluation.report import page

from .columns_of_all_types import DATASET, OnInputs, assess, by, least_squares, rows, settings
from .conftest import FakeModel
from .conftest import settings as evaluation_settings

MSE = metrics()["mse"]


def measured(model: OnInputs, frame: pd.DataFrame, metric: Any = MSE, **changes: int) -> Any:
    encoded, assessment = assess(model, frame)
    chosen = settings(**changes)
    places = permuted_rows(assessment, chosen)
    return importance(encoded.take(places), places, assessment, metric, chosen)


def by_name(found: Any) -> dict[str, Any]:
    return {row["name"]: row["importance"] for row in found["columns"]}


def test_it_is_what_permuting_raw_values_gives() -> None:
    """Of numbers with missing ones, categories and dates; of all inputs of a column at once."""
    frame = rows()
    model = least_squares(frame)
    generator = np.random.default_rng(0)
    orders = [generator.permutation(len(frame)) for _ in range(3)]
    told = by_name(measured(model, frame))
    assert set(told) == {"size", "copy", "city", "built", "noise"}
    base = ((frame["price"] - model.predict(frame)) ** 2).mean()
    for name, said in told.items():
        worse = []
        for order in orders:
            permuted = frame.assign(**{name: frame[name].to_numpy()[order]})
            worse.append(((frame["price"] - model.predict(permuted)) ** 2).mean() - base)
        assert said["value"] == pytest.approx(np.mean(worse), rel=1e-6, abs=1e-12), name


def test_the_strongest_come_first_and_those_of_no_help_are_named() -> None:
    frame = rows()
    found = measured(least_squares(frame), frame)
    values = [row["importance"]["value"] for row in found["columns"]]
    assert values == sorted(values, reverse=True)
    assert {row["name"] for row in found["columns"][:2]} == {"size", "city"}
    assert {"copy", "noise"} <= set(found["of_no_help"])
    assert not {"size", "city"} & set(found["of_no_help"])
    # Twice the variance of what the column adds: Fisher, Rudin and Dominici's theorem 2.
    told = by_name(found)
    added = np.where(frame["city"] == "Köln", 4.0, np.where(frame["city"] == "Ulm", -4.0, 0.0))
    assert told["city"]["low"] < 2 * added.var() < told["city"]["high"]
    assert told["noise"] == {"value": 0, "low": 0, "high": 0}


def test_a_column_that_misleads_is_told_to_be_harmful() -> None:
    frame = rows()
    place = EncodedRows.of(by(np.sum, frame), frame).places["copy"]  # type: ignore[arg-type,union-attr]
    model = by(lambda given: -3 * given[:, place.start], frame)
    found = measured(model, frame)
    assert found["harmful"] == ["copy"]
    assert by_name(found)["copy"]["high"] < 0


def test_a_metric_to_be_maximised_worsens_by_falling() -> None:
    frame = rows()
    near = dataclasses.replace(
        MSE,
        direction="maximize",
        of_rows=lambda truth, prediction: -((truth - prediction) ** 2),
    )
    model = least_squares(frame)
    assert by_name(measured(model, frame, near)) == by_name(measured(model, frame))


def test_rows_that_belong_together_are_drawn_together() -> None:
    """Twice the same rows tell no more, but for what the permutations add."""
    frame = rows(120)
    double = pd.concat([frame, frame], ignore_index=True)
    model, chosen = least_squares(frame), settings(repeats=40)

    def width(given: pd.DataFrame, unit: np.ndarray | None) -> float:
        encoded, assessment = assess(model, given, unit)
        place = permuted_rows(assessment, chosen)
        said = by_name(importance(encoded, place, assessment, MSE, chosen))["size"]
        return float(said["high"] - said["low"])

    alone, together = width(double, None), width(double, np.arange(240) % 120)
    assert together == pytest.approx(2**0.5 * alone, rel=0.2)


def test_of_many_rows_some_are_drawn_the_same_each_time() -> None:
    frame = rows()
    _, assessment = assess(least_squares(frame), frame)
    chosen = permuted_rows(assessment, settings(max_rows=50))
    assert len(set(chosen.tolist())) == 50
    assert (np.diff(chosen) > 0).all()
    assert (chosen == permuted_rows(assessment, settings(max_rows=50))).all()
    # Not every fifth one, which may be of the same group.
    assert len(set(np.diff(chosen).tolist())) > 2
    assert permuted_rows(assessment, settings()).tolist() == list(range(240))
    found = measured(least_squares(frame), frame, max_rows=50)
    assert found["rows"] == 50
    assert measured(least_squares(frame), frame, max_rows=50) == found


def test_what_is_not_measured_has_its_reason() -> None:
    frame = rows()
    wide = measured(least_squares(frame), frame, max_columns=4)
    assert wide["columns"] == []
    assert wide["reason"] == "5 columns are more than evaluation.importance.max_columns, 4."
    ranks = dataclasses.replace(MSE, of_rows=None)
    assert measured(least_squares(frame), frame, ranks)["reason"].startswith("MSE is no mean")


def test_the_main_metric_is_taken_where_it_is_a_mean_over_rows_and_else_the_tasks_loss() -> None:
    frame = rows(60)
    model = least_squares(frame)
    _, assessment = assess(model, frame)

    def told_in(metric: str) -> Any:
        found = effects(model, assessment, metrics()[metric], evaluation_settings())  # type: ignore[arg-type]
        assert found["importance"] is not None
        return found["importance"]["metric"]

    assert [told_in(name) for name in ("mae", "r2", "rmse")] == ["MAE", "MSE", "MSE"]
    assert module._mean_over_rows(metrics()["roc_auc"], "classification").name == "brier_score"
    assert module._mean_over_rows(metrics()["f1_micro"], "multilabel").name == "hamming_loss"


def test_nothing_is_measured_without_columns_or_when_it_is_not_asked_for() -> None:
    frame = rows(60)
    model = least_squares(frame)
    _, assessment = assess(model, frame)
    none = {"importance": None, "partial_dependence": []}
    no_columns = FakeModel(lambda given: np.zeros(len(given)))
    assert effects(no_columns, assessment, MSE, evaluation_settings()) == none  # type: ignore[arg-type]
    off = evaluation_settings(importance={"repeats": 0, "max_rows": 20, "max_columns": 1})
    assert effects(model, assessment, MSE, off) == none  # type: ignore[arg-type]


def test_associations_are_those_that_each_pair_of_types_has() -> None:
    generator = np.random.default_rng(1)
    frame = rows().assign(noise=1.0)
    frame["size"] = generator.normal(size=240) + 0.5 * frame["copy"]
    encoded, _ = assess(by(np.sum, frame), frame)
    names = list(encoded.places)
    strength = pd.DataFrame(associations(encoded), names, names)
    correlation = abs(np.corrcoef(frame["size"], frame["copy"])[0, 1])
    assert strength.loc["size", "copy"] == pytest.approx(correlation, rel=1e-9)
    # The correlation ratio: the share of the variance that lies between categories.
    between = frame.groupby("city")["size"].transform("mean").var()
    ratio = np.sqrt(between / frame["size"].var())
    assert strength.loc["size", "city"] == pytest.approx(ratio, rel=1e-9)
    assert strength.loc["noise"].tolist() == [0] * 5
    assert np.diag(strength)[:4] == pytest.approx(1)


def test_of_two_columns_of_categories_it_is_cramers_v() -> None:
    generator = np.random.default_rng(2)
    one = generator.integers(3, size=300)
    other = np.where(generator.random(300) < 0.6, one, generator.integers(4, size=300))
    inputs = np.hstack([np.eye(3)[one], np.eye(4)[other]])
    encoded = EncodedRows(None, inputs, {"a": slice(0, 3), "b": slice(3, 7)})  # type: ignore[arg-type]
    table = pd.crosstab(one, other).to_numpy()
    assert associations(encoded)[0, 1] == pytest.approx(association(table, "cramer"), rel=1e-9)


def test_columns_that_tell_the_same_are_shown_to_share() -> None:
    frame = rows()
    found = measured(least_squares(frame), frame)
    shared = {row["name"]: row["goes_with"] for row in found["columns"]}
    assert shared["copy"]["name"] == "size"
    assert shared["copy"]["association"] > 0.9
    assert shared["noise"] is shared["city"] is None


def test_the_report_names_what_is_of_no_help() -> None:
    frame = rows()
    found = measured(least_squares(frame), frame)
    found["of_no_help"], found["harmful"] = ["copy", "noise"], ["built"]
    shown = {"importance": found, "level": 0.95}
    text = " ".join(page("importance.html.j2", evaluation=shown).split())
    assert "Of no measurable help on these test rows: copy, noise; the model without" in text
    assert "Of columns that share what they tell, one may have to stay." in text
    assert "Harmful on these test rows: built;" in text
    assert "further columns" not in text
    found["columns"] *= 3
    assert "3 further columns" in page("importance.html.j2", evaluation=shown)
    none = {"importance": {**found, "reason": "So it is."}, "level": 0.95}
    assert "It is not measured. So it is." in page("importance.html.j2", evaluation=none)


def test_a_column_that_was_left_out_is_not_permuted() -> None:
    frame = rows(60).assign(note=[f"note {number}" for number in range(60)])
    noted = dataclasses.replace(
        DATASET, columns=(*DATASET.columns, Column("note", "feature", "category"))
    )
    model = by(np.sum, frame)
    assert "note" not in EncodedRows.of(model, frame).places  # type: ignore[arg-type,union-attr]
    assert noted.features[-1].name == "note"


def test_members_that_encode_otherwise_are_asked_each_in_its_own_inputs() -> None:
    frame = rows()
    first = by(lambda given: given @ np.arange(1.0, given.shape[1] + 1), frame)
    # Of half the rows, with other means and scales, and of one city fewer.
    half = frame[frame["city"] != frame["city"].iloc[0]].head(90)
    model = dataclasses.replace(first, others=(least_squares(half),))
    widths = {member.preprocessor.width for member in model.members}  # type: ignore[attr-defined]
    assert len(widths) == 2
    encoded = EncodedRows.of(model, frame)  # type: ignore[arg-type]
    assert encoded is not None
    expected = np.mean([member.predict(frame) for member in model.members], axis=0)
    np.testing.assert_allclose(encoded.predicted(), expected, rtol=1e-12)
    others = np.random.default_rng(0).permutation(len(frame))[None]
    permuted = frame.assign(city=frame["city"].to_numpy()[others[0]])
    expected = np.mean([member.predict(permuted) for member in model.members], axis=0)
    np.testing.assert_allclose(encoded.predicted_with("city", others)[0], expected, rtol=1e-12)
