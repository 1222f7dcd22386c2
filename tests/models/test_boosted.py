"""Boosted trees: against the libraries' own functions and formulas, as files, and refusals."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from plait.data.dataset import Column, Dataset
from plait.errors import ConfigurationError, UserError
from plait.models.boosted import DIGEST, library_of
from plait.models.trained import TrainedModel
from plait.sweeps.metric import fault_of
from plait.training.fit import fit
from training.fitting import Lab, Outcome, files_of, inputs_and_targets

LIBRARIES = ("catboost", "lightgbm", "xgboost")
FEW = ("model.rounds=6", "model.row_sampling=0.8", "model.column_sampling=0.7")
ROUNDED = {"catboost": 2e-4, "lightgbm": 2e-6, "xgboost": 2e-6}
"""How exactly losses are told: CatBoost approximates exponentials where it follows a training."""
LOSSES = ("squared_error", "absolute_error", "quantile", "poisson")


def experiment(choice: str, loss: str) -> tuple[str, ...]:
    """A small training by a loss of regression, or of classes where there is none."""
    if loss in ("classes", "two_classes"):
        name = "wine" if loss == "classes" else "breast_cancer"
        return name, f"model={choice}", *FEW
    level = ("model.quantile_level=0.8",) if loss == "quantile" else ()
    return (
        *("diabetes", f"model={choice}", f"model.loss={loss}", *level, *FEW),
        *("data.split.val=0.2", "preprocessing.target_scaling=none"),
    )


def loss_of(loss: str, truth: np.ndarray, prediction: np.ndarray) -> float:
    """The mean loss of predictions by its formula."""
    if loss in ("classes", "two_classes"):
        return float(-np.log(prediction[np.arange(len(truth)), truth]).mean())
    error = truth - prediction
    return float(
        {
            "squared_error": error**2,
            "absolute_error": np.abs(error),
            "quantile": np.maximum(0.8 * error, -0.2 * error),
            "poisson": prediction - truth * np.log(prediction),
        }[loss].mean()
    )


def by_catboost(loss: str, features: np.ndarray, y: np.ndarray) -> np.ndarray:
    import catboost

    objective = {
        "squared_error": "RMSE",
        "absolute_error": "MAE",
        "quantile": "Quantile:alpha=0.8",
        "poisson": "Poisson",
        "two_classes": "Logloss",
        "classes": "MultiClass",
    }[loss]
    model = catboost.CatBoost(
        {
            "loss_function": objective,
            "iterations": 6,
            "learning_rate": 0.1,
            "depth": 6,
            "l2_leaf_reg": 3.0,
            "bootstrap_type": "Bernoulli",
            "subsample": 0.8,
            "rsm": 0.7,
            "random_seed": 0,
            "thread_count": 1,
            "allow_writing_files": False,
            "verbose": False,
        }
    )
    kind = {"poisson": "Exponent", "two_classes": "Probability", "classes": "Probability"}
    return np.asarray(
        model.fit(features, y).predict(features, prediction_type=kind.get(loss, "RawFormulaVal"))
    )


def by_lightgbm(loss: str, features: np.ndarray, y: np.ndarray) -> np.ndarray:
    import lightgbm

    objective = {"two_classes": "binary", "classes": "multiclass"}.get(
        loss, {"squared_error": "l2", "absolute_error": "l1"}.get(loss, loss)
    )
    model = lightgbm.train(
        {
            "objective": objective,
            "num_class": 3 if loss == "classes" else 1,
            "alpha": 0.8,
            "learning_rate": 0.1,
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "feature_fraction": 0.7,
            "seed": 0,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        },
        lightgbm.Dataset(features, y, params={"verbosity": -1}),
        6,
    )
    return np.asarray(model.predict(features, num_threads=1))


def by_xgboost(loss: str, features: np.ndarray, y: np.ndarray) -> np.ndarray:
    import xgboost

    objective = {
        "squared_error": "reg:squarederror",
        "absolute_error": "reg:absoluteerror",
        "quantile": "reg:quantileerror",
        "poisson": "count:poisson",
        "two_classes": "binary:logistic",
        "classes": "multi:softprob",
    }[loss]
    model = xgboost.train(
        {
            "objective": objective,
            **({"num_class": 3} if loss == "classes" else {}),
            **({"quantile_alpha": 0.8} if loss == "quantile" else {}),
            "eta": 0.1,
            "max_depth": 6,
            "subsample": 0.8,
            "colsample_bytree": 0.7,
            "seed": 0,
            "nthread": 1,
            "verbosity": 0,
        },
        xgboost.DMatrix(features, y),
        6,
    )
    return np.asarray(model.predict(xgboost.DMatrix(features)), dtype=np.float64)


BY_LIBRARY = {"catboost": by_catboost, "lightgbm": by_lightgbm, "xgboost": by_xgboost}


@pytest.mark.parametrize("loss", [*LOSSES, "two_classes", "classes"])
@pytest.mark.parametrize("choice", LIBRARIES)
def test_predictions_and_losses_are_those_of_the_library_and_the_formula(
    lab: Lab, choice: str, loss: str
) -> None:
    outcome = lab.fit(*experiment(choice, loss))
    X, y = inputs_and_targets(outcome, outcome.data.train)
    predicted = outcome.model.predict(outcome.data.train)
    theirs = BY_LIBRARY[choice](loss, X, y)
    if theirs.ndim < predicted.ndim:
        theirs = np.column_stack([1 - theirs, theirs])
    assert np.array_equal(predicted, theirs)
    assert len(outcome.curves) == 6
    measured = outcome.curve("train/loss")[-1]
    assert measured == pytest.approx(loss_of(loss, y, predicted), rel=ROUNDED[choice])
    if outcome.data.val is not None:
        _, truth = inputs_and_targets(outcome, outcome.data.val)
        expected = loss_of(loss, truth, outcome.model.predict(outcome.data.val))
        assert outcome.curve("val/loss")[-1] == pytest.approx(expected, rel=ROUNDED[choice])


def planted(rows: int = 300) -> pd.DataFrame:
    """Numbers of which one goes up, with noise, and a category."""
    generator = np.random.default_rng(8)
    frame = pd.DataFrame(generator.normal(size=(rows, 3)), columns=["up", "down", "none"])
    noise = generator.normal(scale=1.0, size=rows)
    colour = pd.Series(generator.choice(["red", "blue"], rows), dtype="str")
    return frame.assign(colour=colour, y=frame.up - frame.down + noise)


def fitted(
    lab: Lab, frame: pd.DataFrame, *overrides: str, val: pd.DataFrame | None = None
) -> tuple[TrainedModel, list[dict[str, float]]]:
    """A regression of ``frame.y`` on the other columns."""
    types = {"y": ("target", "number"), "colour": ("feature", "category")}
    columns = tuple(
        Column(str(name), *types.get(str(name), ("feature", "number")))  # type: ignore[arg-type]
        for name in frame
    )
    return fit(
        lab.resolved("linear_regression", *overrides),
        Dataset("planted", "regression", columns, (), {}, "", {}, "", {}, {}),
        frame,
        val,
        checkpoints=lab.folder / "checkpoints",
        observe=lambda epoch, values: None,
    )


@pytest.mark.parametrize("choice", LIBRARIES)
def test_predictions_go_in_the_direction_that_is_asked_for(lab: Lab, choice: str) -> None:
    frame = planted()
    model = (f"model={choice}", "model.rounds=20")
    asked = "model.monotone={up: increasing, down: decreasing}"
    path = np.linspace(-3, 3, 60)

    def steps(column: str, *overrides: str) -> np.ndarray:
        """Differences along a column, the others held, (places, steps)."""
        trained, _ = fitted(lab, frame, *model, *overrides)
        held = frame.head(8).loc[np.repeat(range(8), len(path))]
        walked = held.assign(**{column: np.tile(path, 8)}).reset_index(drop=True)
        return np.diff(trained.predict(walked).reshape(8, len(path)), axis=1)

    assert (steps("up", asked) >= 0).all()
    assert (steps("down", asked) <= 0).all()
    assert (steps("up") < 0).any()


def test_a_direction_along_what_has_none_is_refused(lab: Lab) -> None:
    asked = "model.monotone={upp: increasing, colour: decreasing, up: increasing}"
    with pytest.raises(UserError) as caught:
        fitted(lab, planted(), "model=lightgbm", asked)
    unknown, no_number = str(caught.value).splitlines()
    name = "linear_regression: model.monotone: "
    assert unknown == f"{name}no feature is called 'upp'; did you mean 'up'?"
    assert no_number.strip().startswith(f"{name}column 'colour' is no number, but: ")
    with pytest.raises(UserError, match=r"wine: model.monotone: .* there are 3"):
        lab.fit("wine", "model=lightgbm", "model.monotone={alcohol: increasing}")


@pytest.mark.parametrize("choice", LIBRARIES)
def test_early_stopping_keeps_the_trees_up_to_the_lowest_loss(lab: Lab, choice: str) -> None:
    frame = planted()
    train, val = frame.iloc[:200], frame.iloc[200:]
    model = (f"model={choice}", "model.learning_rate=0.5", "data.split.val=0.2")
    stopped, curves = fitted(
        *(lab, train, *model, "model.rounds=200", "model.early_stopping_rounds=3"), val=val
    )
    losses = [row["val/loss"] for row in curves]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 3 < 200
    few, _ = fitted(lab, train, *model, f"model.rounds={best + 1}", val=val)
    assert np.array_equal(stopped.predict(frame), few.predict(frame))
    truth = val.y.to_numpy()
    assert losses[best] == pytest.approx(
        ((truth - stopped.predict(val)) ** 2).mean(), rel=ROUNDED[choice]
    )


@pytest.mark.parametrize("choice", LIBRARIES)
def test_neither_threads_nor_cuts_change_a_bit(
    lab: Lab, choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = planted(3000)
    model = (f"model={choice}", *FEW, "seed=4294967295")
    one, curves = fitted(lab, frame, *model)
    two, others = fitted(lab, frame, *model, "trainer.threads=2")
    one.save(tmp_path / "one")
    two.save(tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert curves == others
    whole = one.predict(frame.head(100))
    monkeypatch.setattr("plait.models.trained.PREDICTION_ROWS", 7)
    assert np.array_equal(two.predict(frame.head(100)), whole)


@pytest.mark.parametrize("choice", LIBRARIES)
def test_balanced_classes_count_alike(lab: Lab, choice: str) -> None:
    outcome = lab.fit("breast_cancer", f"model={choice}", *FEW, "model.class_weights=balanced")
    _, y = inputs_and_targets(outcome, outcome.data.train)
    surprise = -np.log(outcome.model.predict(outcome.data.train)[np.arange(len(y)), y])
    by_class = [surprise[y == number].mean() for number in (0, 1)]
    assert (y == 0).sum() != (y == 1).sum()
    assert outcome.curve("train/loss")[-1] == pytest.approx(np.mean(by_class), rel=ROUNDED[choice])


@pytest.mark.parametrize("choice", LIBRARIES)
def test_a_class_that_training_lacks_has_probability_zero(lab: Lab, choice: str) -> None:
    resolved = lab.resolved("wine", f"model={choice}", *FEW)
    data = lab.data(resolved)
    train = data.train[data.train.target != data.dataset.classes[1]]

    def trained(rows: pd.DataFrame) -> TrainedModel:
        model, curves = fit(
            *(resolved, data.dataset, rows, data.train),
            checkpoints=lab.folder,
            observe=lambda epoch, values: None,
        )
        # Rows of the class are left out of the validation part.
        assert curves[-1]["val/loss"] == pytest.approx(
            curves[-1]["train/loss"], rel=ROUNDED[choice]
        )
        return model

    predictions = trained(train).predict(data.train)
    assert (predictions[:, 1] == 0).all()
    assert predictions.sum(axis=1) == pytest.approx(1)
    with pytest.raises(UserError, match="wine: the training part has rows of one class alone"):
        trained(train[train.target == data.dataset.classes[0]])


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (("wine", "model.loss=poisson"), "model.loss: is poisson, which is for regression"),
        (("diabetes", "model.loss=quantile"), "model.quantile_level: is null"),
        (("diabetes", "model.quantile_level=0.5"), "model.quantile_level: needs loss: quantile"),
        (
            ("diabetes", "model.loss=poisson", "preprocessing.target_scaling=standard"),
            "preprocessing.target_scaling: model.loss: poisson takes counts",
        ),
        (("diabetes", "model.class_weights=balanced"), "model.class_weights: is balanced"),
        (
            ("diabetes", "model.early_stopping_rounds=5", "data.split.val=0"),
            "model.early_stopping_rounds: needs a validation part; set data.split.val above 0",
        ),
        (("wine", "trainer.accelerator=mps"), "trainer.accelerator: is mps"),
        (("wine", "model.monotone={alcohol: up}"), "model.monotone"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    lab: Lab, overrides: tuple[str, ...], fault: str
) -> None:
    name, *values = overrides
    with pytest.raises(ConfigurationError, match=f"{name}: {fault}"):
        lab.resolved(name, "model=xgboost", *values)


def test_what_is_no_count_is_refused(lab: Lab) -> None:
    with pytest.raises(UserError, match=r"linear_regression: model.loss: poisson takes counts"):
        fitted(lab, planted(), "model=xgboost", "model.loss=poisson")


def test_early_stopping_without_the_part_that_was_promised_is_refused(lab: Lab) -> None:
    overrides = ("model=xgboost", "model.early_stopping_rounds=3", "data.split.val=0.2")
    with pytest.raises(UserError, match="early_stopping_rounds needs a validation part, and there"):
        fitted(lab, planted(), *overrides)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("choice", LIBRARIES)
def test_a_gpu_that_is_not_there_is_told(lab: Lab, choice: str) -> None:
    with pytest.raises(UserError, match=f"wine: model {choice}: "):
        lab.fit("wine", f"model={choice}", "trainer.accelerator=gpu", *FEW)


def test_the_device_is_no_part_of_the_identity(lab: Lab) -> None:
    cpu, gpu = (
        lab.resolved("wine", "model=lightgbm", f"trainer.accelerator={kind}")
        for kind in ("cpu", "gpu")
    )
    assert cpu["trainer.accelerator"] == "cpu"
    assert cpu["trainer.precision"] is None
    assert cpu.identity == gpu.identity


def test_a_search_may_go_by_the_loss_of_a_validation_part_that_there_is(lab: Lab) -> None:
    asked = ("wine", "model=lightgbm")
    assert fault_of("val/loss", lab.resolved(*asked, "data.split.val=0.2")) is None
    without = fault_of("val/loss", lab.resolved(*asked, "data.split.val=0"))
    assert without is not None
    assert "has no val/loss; there are train/loss, test/accuracy" in without


@pytest.fixture(scope="module")
def stored(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of each library."""
    folder = tmp_path_factory.mktemp("stored")
    for choice in LIBRARIES:
        lab.fit("wine", f"model={choice}", *FEW).model.save(folder / choice)
    return folder


@pytest.mark.parametrize("choice", LIBRARIES)
def test_files_that_are_damaged_missing_or_anothers_are_told(
    lab: Lab, stored: Path, tmp_path: Path, choice: str
) -> None:
    name = library_of(choice).file
    said = f"{name} cannot be read .* `dvc repro`"
    whole = (stored / choice / name).read_bytes()
    middle = len(whole) // 2
    other = next(each for each in LIBRARIES if each != choice)
    foreign = (stored / other / library_of(other).file).read_bytes()
    damaged = {
        "cut": whole[:middle],
        "changed": whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1 :],
        "empty": b"",
        "another library's": foreign,
    }
    for number, content in enumerate(damaged.values()):
        folder = shutil.copytree(stored / choice, tmp_path / str(number))
        (folder / name).write_bytes(content)
        with pytest.raises(UserError, match=said):
            TrainedModel.load(folder)
    for missing in (name, DIGEST):
        folder = shutil.copytree(stored / choice, tmp_path / missing)
        (folder / missing).unlink()
        with pytest.raises(UserError, match=said):
            TrainedModel.load(folder)
    # Whole, and of other data.
    lab.fit("diabetes", f"model={choice}", *FEW).model.save(tmp_path / "diabetes")
    folder = shutil.copytree(stored / choice, tmp_path / "others")
    for file in (name, DIGEST):
        shutil.copy(tmp_path / "diabetes" / file, folder)
    with pytest.raises(UserError, match="its trees take 10 inputs, not 13"):
        TrainedModel.load(folder)


@pytest.mark.parametrize("choice", LIBRARIES)
def test_what_another_library_wrote_is_refused_by_the_library_too(
    stored: Path, tmp_path: Path, choice: str
) -> None:
    """With a digest that fits, as somebody would make it."""
    name = library_of(choice).file
    folder = shutil.copytree(stored / choice, tmp_path / "foreign")
    other = next(each for each in reversed(LIBRARIES) if each != choice)
    shutil.copy(stored / other / library_of(other).file, folder / name)
    digest = (stored / other / DIGEST).read_text()
    (folder / DIGEST).write_text(digest.replace(library_of(other).file, name))
    with pytest.raises(UserError, match=f"{name} cannot be read"):
        TrainedModel.load(folder)


def test_members_of_an_ensemble_are_kept_each_with_its_trees(lab: Lab, tmp_path: Path) -> None:
    outcome: Outcome = lab.fit("wine", "model=lightgbm", *FEW, "ensemble=2")
    outcome.model.save(tmp_path)
    first, second = outcome.model.members
    assert not np.array_equal(*(each.predict(outcome.data.train) for each in (first, second)))
    loaded: Any = TrainedModel.load(tmp_path).predict(outcome.data.train)
    assert np.array_equal(loaded, outcome.model.predict(outcome.data.train))
