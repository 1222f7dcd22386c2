"""Every optimiser trains, and its settings do what they say."""

import numpy as np
import pytest
from pydantic import ValidationError

from checkouts import ROOT
from plait.config.registry import choices, settings_of
from training.fitting import Lab


@pytest.mark.parametrize("choice", choices(ROOT / "conf", "optimizer"))
def test_every_optimizer_lowers_the_loss(lab: Lab, choice: str) -> None:
    losses = lab.fit(
        "diabetes", f"optimizer={choice}", "optimizer.lr=0.01", "trainer.max_epochs=5"
    ).curve("train/loss")
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("choice", choices(ROOT / "conf", "optimizer"))
def test_weight_decay_shrinks_the_weights(lab: Lab, choice: str) -> None:
    sizes = []
    for decay in (0.0, 1.0):
        outcome = lab.fit(
            "linear_regression",
            f"optimizer={choice}",
            *("optimizer.lr=0.05", f"optimizer.weight_decay={decay}", "trainer.max_epochs=4"),
        )
        sizes.append(np.linalg.norm(outcome.weights["0.weight"]))
    assert sizes[1] < 0.999 * sizes[0]


def test_momentum_goes_further_and_nesterov_differs(lab: Lab) -> None:
    def trained(*overrides: str) -> np.ndarray:
        return lab.fit("linear_regression", "trainer.max_epochs=1", *overrides).weights["0.weight"]

    plain = trained()
    momentum = trained("optimizer.momentum=0.5")
    nesterov = trained("optimizer.momentum=0.5", "optimizer.nesterov=true")
    assert np.linalg.norm(momentum) > np.linalg.norm(plain)
    assert not np.array_equal(momentum, nesterov)


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValidationError, match="nesterov needs momentum > 0"):
        settings_of("optimizer", "sgd")(lr=0.1, momentum=0.0, nesterov=True, weight_decay=0.0)
