"""Cross-validation: a member for each fold, which has seen nothing of what it is measured on."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.config.resolved import Resolved
from plait.data.preprocessing import ColumnPreprocessor
from plait.errors import ConfigurationError, UserError
from plait.evaluation.cross_validation import cross_validate
from plait.evaluation.evaluate import predict
from plait.evaluation.metrics import of_task
from plait.evaluation.stated import number
from plait.models.trained import TrainedModel
from plait.tracking.record.exported import export, load_exported
from plait.training import side_by_side
from plait.training.fit import fit
from plait.training.members import Member, member_seed
from training.fitting import Lab, Outcome, files_of

FIVE = "data.split.folds=5"
TREE = ("wine", "model=decision_tree", "data.split.folds=3")


def validated(outcome: Outcome, *metrics: str) -> Any:
    data = outcome.data
    assert data.folds is not None
    chosen = {name: of_task(data.dataset.task)[name] for name in metrics}
    told, _, _ = cross_validate(
        outcome.model,
        data.folds,
        data.train,
        data.dataset,
        chosen,
        lambda member, rows: predict(member, rows, data.dataset),
    )
    return told


def saved(model: TrainedModel, folder: Path) -> dict[str, bytes]:
    model.save(folder)
    return files_of(folder)


def test_it_is_the_loop_over_the_folds_to_the_last_digit(lab: Lab) -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    outcome = lab.fit(
        "breast_cancer", "model=decision_tree", FIVE, "preprocessing.feature_scaling=none"
    )
    train, folds = outcome.data.train, outcome.data.folds
    assert folds is not None
    features = [column.name for column in outcome.data.dataset.features]
    scores: dict[str, list[float]] = {"accuracy": [], "balanced_accuracy": []}
    for fold in range(5):
        rows, held_out = train[folds.learnt(fold)], train[folds.held_out(fold)]
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=member_seed(0, fold))
        tree.fit(rows[features].to_numpy(), rows["target"])
        said = tree.predict(held_out[features].to_numpy())
        scores["accuracy"].append(accuracy_score(held_out["target"], said))
        scores["balanced_accuracy"].append(balanced_accuracy_score(held_out["target"], said))
    told = validated(outcome, *scores)
    assert len(set(scores["accuracy"])) > 1
    ratio = np.mean([folds.held_out(n).sum() / folds.learnt(n).sum() for n in range(5)])
    for name, values in scores.items():
        reached = [fold["metrics"][name] for fold in told["members"]]
        # To the last digit that is stated.
        assert reached == [number(float(value)) for value in values]
        error = np.sqrt((1 / 5 + ratio) * np.var(values, ddof=1))
        assert told["metrics"][name] == {
            "mean": number(float(np.mean(values))),
            "standard_error": number(float(error)),
        }


def refitted(lab: Lab, outcome: Outcome, train: pd.DataFrame, folder: Path) -> TrainedModel:
    data = outcome.data
    model, _ = fit(
        lab.resolved("diabetes", "model=least_squares", FIVE),
        data.dataset,
        train,
        data.val,
        checkpoints=folder,
        observe=lambda epoch, values: None,
        folds=data.folds,
    )
    return model


def test_nothing_of_what_is_held_out_reaches_a_member(lab: Lab, tmp_path: Path) -> None:
    outcome = lab.fit("diabetes", "model=least_squares", FIVE)
    train, folds = outcome.data.train, outcome.data.folds
    assert folds is not None
    other = train.copy()
    held_out = folds.held_out(1)
    other.loc[held_out, "target"] = 1e6
    other.loc[held_out, "bmi"] *= -1000
    changed = refitted(lab, outcome, other, tmp_path / "checkpoints")
    alike = [
        saved(replace(one, others=()), tmp_path / f"{place}")
        == saved(replace(same, others=()), tmp_path / f"{place}_changed")
        for place, (one, same) in enumerate(
            zip(outcome.model.members, changed.members, strict=True)
        )
    ]
    assert alike == [False, True, False, False, False]
    for place, member in enumerate(changed.members):
        assert isinstance(member.preprocessor, ColumnPreprocessor)
        age: Any = next(each for each in member.preprocessor.features if each.name == "age")
        assert age.mean == pytest.approx(train.loc[folds.learnt(place), "age"].mean())


@pytest.mark.parametrize(
    "overrides",
    [
        ("wine", "model=mlp", "trainer.max_epochs=1"),
        ("diabetes", "model=least_squares"),
        ("linear_regression", "trainer.max_epochs=1", "data.samples=200"),
    ],
    ids=["network", "estimator", "line"],
)
def test_the_model_is_the_mean_of_members_that_keep_their_own_preprocessing(
    lab: Lab, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    outcome = lab.fit(*overrides, "data.split.folds=2")
    model, test = outcome.model, outcome.data.test
    assert test is not None
    first, second = model.members
    assert first.preprocessor.to_json() != second.preprocessor.to_json()
    predicted = model.predict(test)
    np.testing.assert_array_equal(
        predicted, np.mean([first.predict(test), second.predict(test)], axis=0)
    )
    whole = saved(model, tmp_path / "model")
    assert "member_2/model.json" in whole
    loaded = TrainedModel.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(test), predicted)
    assert saved(loaded, tmp_path / "again") == whole
    if model.is_network:
        export(loaded, tmp_path / "model", tmp_path / "exported", test.head(3))
        given = load_exported(tmp_path / "exported").predict(test)
        np.testing.assert_allclose(given, predicted, rtol=1e-5, atol=1e-6)
    found = model.coefficients()
    if found is not None:
        features = [name for name in found if name != "(bias)"]
        by_hand = test[features].to_numpy() @ [found[name] for name in features] + found["(bias)"]
        np.testing.assert_allclose(predicted, by_hand, rtol=1e-4, atol=1e-4)


class Killed(Exception):
    """Stands for what ends a process."""


def test_a_killed_one_goes_on_with_the_fold_it_was_at(lab: Lab, tmp_path: Path) -> None:
    whole = lab.fit(*TREE)

    def die(epoch: int, values: dict[str, float]) -> None:
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        lab.fit(*TREE, checkpoints=tmp_path / "checkpoints", observe=die)
    seen: list[int] = []
    resumed = lab.fit(
        *TREE, checkpoints=tmp_path / "checkpoints", observe=lambda epoch, _: seen.append(epoch)
    )
    assert seen == [1, 2]
    assert resumed.curves == whole.curves
    assert saved(resumed.model, tmp_path / "resumed") == saved(whole.model, tmp_path / "whole")


@pytest.mark.usefixtures("warm_children")
def test_processes_train_the_same_folds_bit_for_bit(lab: Lab, tmp_path: Path) -> None:
    two = (*TREE, "data.split.folds=2")
    alone = lab.fit(*two)
    checkpoints, seen = tmp_path / "checkpoints", list[int]()
    beside = lab.fit(
        *two,
        "trainer.member_workers=2",
        checkpoints=checkpoints,
        observe=lambda epoch, _: seen.append(epoch),
    )
    assert seen == [0, 1]
    assert beside.curves == alone.curves
    assert saved(beside.model, tmp_path / "beside") == saved(alone.model, tmp_path / "alone")
    assert not (checkpoints / side_by_side.FOLDER).exists()


UNFIT = ("wine", "model=knn", "model.neighbors=72", "data.split.folds=2")


@pytest.mark.usefixtures("warm_children")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_fold_that_fails_is_named(lab: Lab, workers: int) -> None:
    with pytest.raises(UserError, match=r"^wine: fold [12] of 2: model knn: Expected n_neighbors"):
        lab.fit(*UNFIT, f"trainer.member_workers={workers}")


@pytest.mark.usefixtures("warm_children")
def test_a_signal_ends_the_processes_and_the_next_call_goes_on(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    start = side_by_side._start

    def start_and_stop(member: Member, folder: Path, number: int) -> Any:
        started.append(start(member, folder, number))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[-1]

    monkeypatch.setattr(side_by_side, "_start", start_and_stop)
    two = (*TREE, "trainer.member_workers=2")
    with pytest.raises(SystemExit) as ended:
        lab.fit(*two, checkpoints=tmp_path)
    assert ended.value.code == 128 + signal.SIGTERM
    assert len(started) == 1
    assert started[0].poll() is not None
    monkeypatch.undo()
    assert lab.fit(*TREE, checkpoints=tmp_path).curves == lab.fit(*TREE).curves


def test_a_process_that_was_killed_is_told(lab: Lab, tmp_path: Path) -> None:
    member = Member("fold 1 of 2", lab.resolved("wine", "model=knn"), tmp_path)

    class Gone:
        returncode = -signal.SIGKILL

    with pytest.raises(UserError, match=r"^wine: fold 1 of 2: its process .*killed by SIGKILL"):
        side_by_side._failed(member, Gone())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("data.split.folds=3", "ensemble=2"), "ensemble: is 2 beside data.split.folds"),
        (("data.split.folds=1",), "data.split.folds: is 1; must be"),
        (("data.split.repeats=2",), "data.split: without folds nothing is divided anew"),
        (
            ("model=mlp", "trainer.member_workers=2", "trainer.devices=2"),
            "trainer.member_workers: is 2, each of which trains on one device",
        ),
    ],
)
def test_what_does_not_go_with_folds_is_refused_when_composed(
    lab: Lab, overrides: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        lab.resolved("wine", *overrides)


def test_how_many_processes_train_is_no_part_of_the_identity(lab: Lab) -> None:
    def identity(*overrides: str) -> Resolved:
        return lab.resolved(*TREE, *overrides)

    assert identity().identity == identity("trainer.member_workers=2").identity
    assert identity().identity != identity("data.split.folds=4").identity
    assert identity().identity != identity("data.split.repeats=2").identity
