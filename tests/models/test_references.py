"""Models against references: numpy, formulas, and torch by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from plait.config.registry import module_of, settings_of
from plait.data.dataset import Column, Dataset
from plait.models.base import Shape
from plait.tasks.classification.learning import TASK as CLASSIFICATION
from plait.tasks.regression.learning import TASK as REGRESSION
from plait.training.fit import fit
from training.fitting import Lab


def dataset_of(frame: pd.DataFrame) -> Dataset:
    """Every column a feature but ``y``, the target."""
    columns = [
        Column(str(name), "target" if name == "y" else "feature", "number") for name in frame
    ]
    return Dataset("planted", "regression", tuple(columns), (), {}, "", {}, "", {}, {})


def fitted(lab: Lab, frame: pd.DataFrame, *overrides: str) -> Any:
    """A regression of ``frame.y`` on the other columns."""
    resolved = lab.resolved("linear_regression", *overrides)
    model, _ = fit(
        resolved,
        dataset_of(frame),
        frame,
        None,
        checkpoints=lab.folder / "checkpoints",
        observe=lambda epoch, values: None,
    )
    return model


@pytest.fixture
def frame() -> pd.DataFrame:
    generator = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "small": generator.normal(3, 0.01, 200),
            "large": generator.normal(-5000, 800, 200),
            "plain": generator.normal(size=200),
        }
    )
    noise = generator.normal(scale=0.3, size=200)
    return frame.assign(y=40 * frame.small + 0.002 * frame.large - frame.plain + 7 + noise)


def by_numpy(frame: pd.DataFrame) -> np.ndarray:
    X = np.column_stack([frame.drop(columns="y"), np.ones(len(frame))])
    return np.asarray(np.linalg.lstsq(X, frame.y, rcond=None)[0])


@pytest.mark.parametrize("features", ["none", "standard"])
@pytest.mark.parametrize("target", ["none", "standard"])
def test_least_squares_is_numpys_in_raw_units(
    lab: Lab, frame: pd.DataFrame, features: str, target: str
) -> None:
    model = fitted(
        lab,
        frame,
        *("model=least_squares", f"preprocessing.feature_scaling={features}"),
        f"preprocessing.target_scaling={target}",
    )
    expected = by_numpy(frame)
    assert list(model.coefficients()) == ["small", "large", "plain", "(bias)"]
    assert list(model.coefficients().values()) == pytest.approx(expected, rel=1e-8)
    predictions = frame.drop(columns="y") @ expected[:-1] + expected[-1]
    assert model.predict(frame) == pytest.approx(predictions.to_numpy(), rel=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_least_squares_is_stable_for_collinear_features(
    lab: Lab, frame: pd.DataFrame, scale: float
) -> None:
    expected = by_numpy(frame)
    collinear = frame.assign(
        twice=2 * frame.plain,
        nearly=frame.plain + (scale < 1) * scale * frame.small,
        constant=4.0,
    )
    model = fitted(lab, collinear, "model=least_squares")
    predictions = frame.drop(columns="y") @ expected[:-1] + expected[-1]
    assert model.predict(collinear) == pytest.approx(predictions.to_numpy(), rel=1e-4)
    assert max(abs(value) for value in model.coefficients().values()) < 1000


def test_with_more_features_than_rows_it_goes_through_the_points(lab: Lab) -> None:
    generator = np.random.default_rng(6)
    wide = pd.DataFrame(generator.normal(size=(5, 9)), columns=[f"x{n}" for n in range(9)])
    wide["y"] = generator.normal(size=5)
    model = fitted(lab, wide, "model=least_squares")
    assert model.predict(wide) == pytest.approx(wide.y.to_numpy(), rel=1e-9)


@pytest.mark.parametrize("ridge", [0.1, 50.0])
def test_ridge_is_its_formula_with_a_free_bias(lab: Lab, frame: pd.DataFrame, ridge: float) -> None:
    model = fitted(lab, frame, "model=least_squares", f"model.ridge={ridge}")
    X, y = frame.drop(columns="y").to_numpy(), frame.y.to_numpy()
    centred = X - X.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + ridge * np.eye(3), centred.T @ (y - y.mean()))
    bias = y.mean() - X.mean(axis=0) @ weights
    assert list(model.coefficients().values()) == pytest.approx([*weights, bias], rel=1e-8)


@pytest.mark.parametrize("target", ["none", "standard"])
def test_a_linear_networks_coefficients_are_in_raw_units(
    lab: Lab, frame: pd.DataFrame, target: str
) -> None:
    model = fitted(
        lab,
        frame,
        *("preprocessing.feature_scaling=standard", f"preprocessing.target_scaling={target}"),
        *("trainer.precision=64-true", "trainer.max_epochs=3"),
    )
    *weights, bias = model.coefficients().values()
    assert list(model.coefficients()) == ["small", "large", "plain", "(bias)"]
    by_hand = frame.drop(columns="y") @ weights + bias
    assert model.predict(frame) == pytest.approx(by_hand.to_numpy(), rel=1e-9)


def test_a_linear_network_without_bias_has_none(lab: Lab, frame: pd.DataFrame) -> None:
    model = fitted(
        lab,
        frame.drop(columns="large"),
        *("model.bias=false", "preprocessing.feature_scaling=none", "trainer.max_epochs=2"),
    )
    assert model.coefficients()["(bias)"] == 0.0
    zeros = pd.DataFrame({"small": [0.0], "plain": [0.0]})
    assert model.predict(zeros) == pytest.approx([0.0])


def test_a_model_that_is_not_linear_has_no_coefficients(lab: Lab) -> None:
    assert lab.fit("diabetes", "model=decision_tree").model.coefficients() is None
    assert lab.fit("wine", "model=linear", "trainer.max_epochs=1").model.coefficients() is None


def mlp(shape: Shape, **changes: Any) -> nn.Module:
    values: dict[str, Any] = {
        "hidden_sizes": [6, 5],
        "activation": "relu",
        "dropout": 0.0,
        "normalization": "none",
    }
    settings = settings_of("model", "mlp")(**values | changes)
    network: nn.Module = module_of("model", "mlp").build(settings, shape)
    return network


ACTIVATIONS = {
    "relu": lambda x: x.clamp(min=0),
    "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "tanh": lambda x: (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
}


def normalised(x: torch.Tensor, normalization: str) -> torch.Tensor:
    if normalization == "none":
        return x
    axis = 0 if normalization == "batch" else 1
    mean = x.mean(axis, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(axis, keepdim=True) + 1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("shape", [Shape(REGRESSION, 4, 1), Shape(CLASSIFICATION, 4, 3)])
def test_an_mlp_is_its_forward_pass_by_hand(
    shape: Shape, activation: str, normalization: str
) -> None:
    torch.manual_seed(1)
    network = mlp(shape, activation=activation, normalization=normalization).double()
    X = torch.randn(30, 4, dtype=torch.float64)
    layers = [module for module in network if isinstance(module, nn.Linear)]
    hidden = X
    for layer in layers[:-1]:
        hidden = ACTIVATIONS[activation](
            normalised(hidden @ layer.weight.T + layer.bias, normalization)
        )
    expected = hidden @ layers[-1].weight.T + layers[-1].bias
    if shape.task.scalar:
        expected = expected[:, 0]
    assert [layer.out_features for layer in layers] == [6, 5, shape.outputs]
    torch.testing.assert_close(network(X), expected, rtol=1e-10, atol=1e-12)


def test_dropout_drops_its_share_in_training_and_nothing_after() -> None:
    network = mlp(Shape(REGRESSION, 4, 1), hidden_sizes=[4000], dropout=0.25)
    drop = next(module for module in network if isinstance(module, nn.Dropout))
    ones = torch.ones(1, 4000)
    dropped = drop(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert dropped.max().item() == pytest.approx(1 / 0.75)
    assert torch.equal(drop.eval()(ones), ones)
    assert not any(isinstance(m, nn.Dropout) for m in mlp(Shape(REGRESSION, 4, 1)))


@pytest.mark.parametrize("choice", ["linear", "mlp"])
@pytest.mark.parametrize("rows", [1, 7])
def test_a_regression_has_the_shape_of_its_target(choice: str, rows: int) -> None:
    """(rows, 1) against (rows,) would broadcast to (rows, rows), and train silently wrong."""
    shape = Shape(REGRESSION, 4, 1)
    if choice == "mlp":
        network = mlp(shape)
    else:
        network = module_of("model", "linear").build(
            settings_of("model", "linear")(bias=True), shape
        )
    assert network(torch.randn(rows, 4)).shape == (rows,)


def test_an_estimator_gives_a_class_that_training_lacks_probability_zero(lab: Lab) -> None:
    resolved = lab.resolved("wine", "model=gradient_boosting", "model.max_iter=3")
    data = lab.data(resolved)
    missing = data.dataset.classes[1]
    model, curves = fit(
        resolved,
        data.dataset,
        data.train[data.train.target != missing],
        None,
        checkpoints=lab.folder,
        observe=lambda epoch, values: None,
    )
    assert data.test is not None
    predictions = model.predict(data.test)
    assert predictions.shape == (len(data.test), 3)
    assert (predictions[:, 1] == 0).all()
    assert curves[0]["train/loss"] < 1
