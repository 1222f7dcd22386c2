"""Overrides without effect are named, and tell no trial from another."""

import re
from pathlib import Path

import pytest

from checkouts import Checkout
from plait.config.compose import Project
from plait.config.effect import Effect, effect_of, in_words, unused_in_params
from plait.pipeline.compose import compose
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from sweeps.launching import runs_of_sweep, statuses

LINEAR = "experiment=linear_regression"
CLOSED = "model=least_squares"


def effect(root: Path, *overrides: str) -> Effect:
    project = Project(root)

    def composed(texts: tuple[str, ...]) -> object:
        name, *rest = texts
        return project.compose(name.partition("=")[2], rest)

    return effect_of(project, overrides, composed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overrides", "unused"),
    [
        (["optimizer.lr=0.2", "seed=1"], ["optimizer.lr"]),
        (["optimizer=adam", "schedule=cosine"], ["optimizer", "schedule"]),
        (["batch_size=16", "objective=huber"], ["objective", "batch_size"]),
        (["callbacks=[early_stopping]", "data.split.val=0.2"], ["callbacks"]),
        (["trainer={max_epochs: 3, threads: 2}"], ["trainer.max_epochs"]),
        (["finetuning=lora"], ["finetuning"]),
        (["debug=fast"], ["debug"]),
        # Where it runs, what it is by default, and nothing at all are no such values.
        (["trainer.devices=1", "debug=profile", "callbacks=[]", "trainer.max_epochs=null"], []),
        (["data.noise=0.1", "seed=0", "ensemble=2", "evaluation.resamples=20"], []),
    ],
)
def test_what_the_model_has_no_use_for_is_told_from_what_counts(
    overrides: list[str], unused: list[str], shared_checkout: Checkout
) -> None:
    found = effect(shared_checkout.root, LINEAR, CLOSED, *overrides)
    assert list(found.unused) == unused
    whole = [text for text in overrides if text.partition("=")[0] not in unused]
    assert list(found.overrides) == [LINEAR, CLOSED, *whole]


def test_with_a_model_that_uses_it_everything_counts(shared_checkout: Checkout) -> None:
    overrides = (LINEAR, "optimizer=adam", "optimizer.lr=0.2", "batch_size=16", "debug=fast")
    assert effect(shared_checkout.root, *overrides) == Effect(overrides)


def test_what_is_set_twice_counts_once_and_is_named(shared_checkout: Checkout) -> None:
    found = effect(shared_checkout.root, LINEAR, "seed=1", "batch_size=16", "seed=2", "seed=2")
    assert found.overrides == (LINEAR, "batch_size=16", "seed=2", "seed=2")
    resolved = Project(shared_checkout.root).compose("linear_regression")
    assert in_words([(resolved, found)]) == ["seed=1 has no effect: seed=2 follows"]


def test_what_another_value_is_interpolated_from_has_an_effect(checkout: Checkout) -> None:
    checkout.append("conf/experiment/least_squares.yaml", "data: {samples: '${batch_size}'}\n")
    overrides = ("experiment=least_squares", "batch_size=200")
    assert effect(checkout.root, *overrides) == Effect(overrides)


def test_of_params_yaml_it_is_said_at_compose(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    unused = {"optimizer": {"choice": "adam", "lr": 0.2}, "trainer": {"max_epochs": 3}}
    checkout.list_experiments(
        {"least_squares": {**unused, "seed": 1}, "linear_regression": {"optimizer": {"lr": 0.2}}}
    )
    project = Project(checkout.root)
    assert (
        unused_in_params(project, "linear_regression", project.compose("linear_regression")) == []
    )
    compose(checkout.root)
    said = capsys.readouterr()
    assert said.out.splitlines() == ["new: least_squares", "new: linear_regression"]
    assert said.err == (
        "params.yaml: least_squares: optimizer, optimizer.lr, trainer.max_epochs have no effect"
        " with model=least_squares\n"
    )
    assert project.compose("least_squares").label == "seed=1"


def test_the_seed_of_the_data_is_never_taken_for_that_of_training(
    shared_checkout: Checkout,
) -> None:
    project = Project(shared_checkout.root)
    label = project.compose("least_squares", ["data.seed=2"]).label
    assert label == "data.seed=2"


@pytest.mark.slow
def test_a_sweep_counts_trials_and_shows_none_by_what_has_no_effect(checkout: Checkout) -> None:
    small = ("data.samples=100", "data.split.val=0.2", "evaluation.resamples=20")
    said = checkout.plait(
        *("run", "-m", LINEAR, "model=least_squares,decision_tree", "optimizer.lr=0.1,0.2"),
        *(*small, "sweep.name=unused"),
    )
    line = (
        "4 combinations, 2 trials: optimizer.lr has no effect with model=least_squares or"
        " model=decision_tree"
    )
    assert line in said.stdout
    assert line in said.stderr
    assert statuses(said.stdout) == {"new": 2}
    assert "lr=0." not in said.stdout
    assert re.search(r"^best by validation/mse: model=least_squares$", said.stdout, re.MULTILINE)
    store = open_store(Workspace.at(checkout.root), "local", {})
    assert sorted(run.data.tags["plait.overrides"] for run in runs_of_sweep(store, "unused")) == [
        f"{LINEAR} {model} {' '.join(small)}" for model in ("model=decision_tree", CLOSED)
    ]

    alone = checkout.plait("run", LINEAR, CLOSED, "optimizer.lr=0.3", *small)
    assert alone.stderr == "optimizer.lr has no effect with model=least_squares\n"
    assert "done before" in alone.stdout
