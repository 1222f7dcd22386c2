"""A target that is learnt as its logarithm or power, and predicted in its own unit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from checkouts import ROOT
from plait.config.compose import Project
from plait.errors import ConfigurationError, UserError
from plait.tasks.registry import task_named
from plait.tasks.scaling import TargetScaling
from plait.tasks.transforms import LARGEST, Transform, exponent_of, transformed, undone
from training.fitting import Lab

REGRESSION = task_named("regression")


def prices(rows: int = 300) -> pd.Series:
    """The exponential of what has errors alike everywhere."""
    rng = np.random.default_rng(3)
    return pd.Series(np.exp(5 + rng.normal(size=rows)), name="price")


def test_the_exponent_is_that_of_scipy() -> None:
    target = pd.Series(np.random.default_rng(0).gamma(4.0, size=400), name="price")
    reference = stats.boxcox(target)[1]
    assert 0.1 < reference < 0.9
    exponent = exponent_of(target, "box_cox")
    assert exponent == pytest.approx(reference, abs=1e-4)
    np.testing.assert_allclose(
        transformed(target, reference), stats.boxcox(target, reference), rtol=1e-9, atol=1e-12
    )
    # Of logarithms that are normal the likeliest is about 0, and not below.
    assert 0 <= exponent_of(prices(), "box_cox") < 0.1  # type: ignore[operator]
    assert exponent_of(prices(), "log") == 0.0
    assert exponent_of(prices(), "none") is None


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.floats(1e-6, 1e6), st.floats(1e-6, LARGEST) | st.just(0.0))
def test_it_is_undone(value: float, exponent: float) -> None:
    again = undone(transformed(pd.Series([value]), exponent), exponent)
    assert again[0] == pytest.approx(value, rel=1e-6)


def test_less_than_any_target_is_zero() -> None:
    assert undone(np.array([-5.0, -2.0, 0.0]), 0.5).tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("transform", ["log", "box_cox"])
@pytest.mark.parametrize("standard", [True, False])
def test_the_encoder_is_kept_with_the_model(transform: Transform, standard: bool) -> None:
    train = pd.DataFrame({"price": prices()})
    encoder = REGRESSION.fit(train, ["price"], (), TargetScaling(transform, standard))
    learnt = encoder.encode(train)
    if standard:
        assert (learnt.mean(), learnt.std()) == (pytest.approx(0), pytest.approx(1))
    again = REGRESSION.encoder(encoder.to_json())
    assert again == encoder
    np.testing.assert_allclose(again.decode(learnt), train["price"])
    # In no raw unit is such a model a sum of weighted columns.
    assert encoder.scaling is None
    plain = REGRESSION.fit(train, ["price"], (), TargetScaling())
    assert "target_exponent" not in plain.to_json()
    assert plain.scaling == (1.0, 0.0)


@pytest.mark.parametrize("bad", [0.0, -3.5])
def test_a_target_is_above_zero(bad: float) -> None:
    train = pd.DataFrame({"price": [1.0, bad, 2.0, bad]})
    with pytest.raises(UserError, match=rf"'price', row 1: {bad:g} \(and 1 more\) is not above 0"):
        REGRESSION.fit(train, ["price"], (), TargetScaling("log"))
    # As the file counts them, not the part.
    part = train.assign(row=[10, 11, 14, 15])
    with pytest.raises(UserError, match=rf"'price', row 11: {bad:g} "):
        REGRESSION.fit(part, ["price"], (), TargetScaling("log"))
    with pytest.raises(UserError, match="is 2 in every training row"):
        REGRESSION.fit(train.assign(price=2.0), ["price"], (), TargetScaling("box_cox"))


def test_a_class_has_none() -> None:
    with pytest.raises(
        ConfigurationError, match="target_transform: a classification has no number to transform"
    ):
        Project(ROOT).compose("wine", ["preprocessing.target_transform=log"])


def test_what_is_learnt_as_a_logarithm_is_predicted_in_its_unit(lab: Lab) -> None:
    """Diabetes' target is above 0; the model of its logarithm predicts the exponential of a sum."""
    asked = ("diabetes", "model=least_squares", "preprocessing.target_scaling=none")
    logged = lab.fit(*asked, "preprocessing.target_transform=log")
    plain = lab.fit(*asked)
    train, target = plain.data.train, plain.data.dataset.target
    design = np.column_stack([plain.model.preprocessor.transform(train), np.ones(len(train))])
    weights, *_ = np.linalg.lstsq(design, np.log(train[target].to_numpy()))
    np.testing.assert_allclose(logged.model.predict(train), np.exp(design @ weights), rtol=1e-8)
    assert logged.model.coefficients() is None
    assert plain.model.coefficients() is not None


def test_a_saved_model_predicts_the_same(lab: Lab, tmp_path: Path) -> None:
    outcome = lab.fit("diabetes", "model=decision_tree", "preprocessing.target_transform=box_cox")
    outcome.model.save(tmp_path / "model")
    again = type(outcome.model).load(tmp_path / "model")
    assert (again.predict(outcome.data.train) == outcome.model.predict(outcome.data.train)).all()
