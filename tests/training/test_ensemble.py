"""Ensembles: members that differ by their seed, averaged, kept and gone on with like one model."""

from pathlib import Path

import numpy as np
import pytest

from plait.models.trained import TrainedModel
from plait.tracking.record.exported import export, load_exported
from plait.tracking.record.weights import weights_digest
from plait.training.members import member_seed
from training.fitting import Lab

SHORT = ("trainer.max_epochs=3", "optimizer.lr=0.01")
NETWORK = ("wine", "model=mlp", *SHORT)


def same(one: TrainedModel, other: TrainedModel) -> bool:
    """Bit for bit."""
    first, second = one.fitted.state_dict(), other.fitted.state_dict()
    return first.keys() == second.keys() and all(first[key].equal(second[key]) for key in first)


def test_members_differ_by_seed_and_the_first_is_the_single_model(lab: Lab) -> None:
    single, ensemble = lab.fit(*NETWORK), lab.fit(*NETWORK, "ensemble=3")
    first, second, third = ensemble.model.members
    assert same(first, single.model)
    assert not same(first, second)
    assert not same(second, third)
    other = lab.fit(*NETWORK, f"seed={member_seed(0, 1)}")
    assert same(second, other.model)
    assert ensemble.curve("epoch") == list(range(9))
    assert ensemble.curve("train/loss")[:3] == single.curve("train/loss")


def test_ensembles_of_neighbouring_seeds_share_no_member() -> None:
    seeds = {member_seed(seed, number) for seed in range(10) for number in range(10)}
    assert len(seeds) == 100


@pytest.mark.parametrize(
    "overrides",
    [
        NETWORK,
        ("wine", "model=decision_tree"),
        ("diabetes", "model=mlp", *SHORT),
        ("linear_regression", "trainer.max_epochs=3"),
    ],
    ids=["classes", "trees", "numbers", "line"],
)
def test_predictions_are_the_mean_and_survive_saving(
    lab: Lab, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    outcome = lab.fit(*overrides, "ensemble=3")
    model, test = outcome.model, outcome.data.test
    assert test is not None
    predicted = model.predict(test)
    members = [member.predict(test) for member in model.members]
    assert len(members) == 3
    np.testing.assert_array_equal(predicted, np.mean(members, axis=0))
    model.save(tmp_path / "model")
    loaded = TrainedModel.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(test), predicted)
    loaded.save(tmp_path / "again")
    assert weights_digest(tmp_path / "again") == weights_digest(tmp_path / "model")
    (tmp_path / "again" / "member_3").rename(tmp_path / "again" / "member_9")
    assert weights_digest(tmp_path / "again") != weights_digest(tmp_path / "model")
    if model.is_network:
        export(loaded, tmp_path / "model", tmp_path / "exported", test.head(3))
        given = load_exported(tmp_path / "exported").predict(test)
        np.testing.assert_allclose(given, predicted, rtol=1e-5, atol=1e-6)


def test_the_coefficients_are_those_of_the_mean(lab: Lab) -> None:
    outcome = lab.fit("linear_regression", "trainer.max_epochs=3", "ensemble=2")
    found = outcome.model.coefficients()
    assert found is not None
    test = outcome.data.test
    assert test is not None
    features = [name for name in found if name != "(bias)"]
    by_hand = test[features].to_numpy() @ [found[name] for name in features] + found["(bias)"]
    # The network adds up float32 numbers of about 100.
    np.testing.assert_allclose(outcome.model.predict(test), by_hand, atol=1e-4)


class Killed(Exception):
    """Stands for what ends a process."""


@pytest.mark.slow
def test_a_killed_one_goes_on_with_the_member_it_was_at(lab: Lab, tmp_path: Path) -> None:
    often = (*NETWORK, "ensemble=3", "trainer.checkpoint_steps=2")
    whole = lab.fit(*often)

    def die(epoch: int, values: dict[str, float]) -> None:
        if epoch == 4:
            raise Killed

    with pytest.raises(Killed):
        lab.fit(*often, checkpoints=tmp_path, observe=die)
    seen: list[int] = []
    resumed = lab.fit(*often, checkpoints=tmp_path, observe=lambda epoch, _: seen.append(epoch))
    assert min(seen) >= 3
    assert max(seen) == 8
    assert resumed.curves == whole.curves
    for one, other in zip(whole.model.members, resumed.model.members, strict=True):
        assert same(one, other)


def test_a_member_that_was_half_written_is_trained_again(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "member_1" / "partial").mkdir(parents=True)
    (tmp_path / "member_1" / "partial" / "model.json").write_text("{")
    resumed, whole = lab.fit(*NETWORK, "ensemble=2", checkpoints=tmp_path), lab.fit(*NETWORK)
    assert same(resumed.model, whole.model)
