"""Adversarial training: the shift hurts, depends on its row alone, and is trained on."""

from typing import Any

import pytest
import torch
from torch import nn

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.config.registry import choices, module_of, settings_of
from plait.errors import ConfigurationError
from plait.objectives.base import Batch
from plait.training.adversarial.adversary import Adversary
from plait.training.adversarial.steps import scaled, within
from training.fitting import Lab, equal_weights

CHOICES = choices(ROOT / "conf", "adversarial")
TRAINED = ("breast_cancer", "trainer.max_epochs=2", "model.dropout=0.0")


def settings(choice: str, **changes: Any) -> Any:
    values = read_yaml(ROOT / "conf" / "adversarial" / f"{choice}.yaml")
    return settings_of("adversarial", choice)(**(values | changes))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return Batch(features, torch.arange(6) % 3, torch.arange(6))


def objective(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    return nn.functional.cross_entropy(model(batch.features), batch.targets), {}


def attack(choice: str, network: nn.Module, batch: Batch, **changes: Any) -> torch.Tensor:
    def loss_of(shift: torch.Tensor) -> torch.Tensor:
        return objective(network, batch._replace(features=batch.features + shift))[0]

    zero_perturbation = torch.zeros_like(batch.features).requires_grad_(True)
    shift: torch.Tensor = module_of("adversarial", choice).attack(
        settings(choice, **changes), loss_of, zero_perturbation, loss_of(zero_perturbation)
    )
    return shift.detach()


def test_fgm_steps_along_the_gradient_of_each_row(network: nn.Module, batch: Batch) -> None:
    shift = attack("fgm", network, batch, epsilon=0.3)
    features = batch.features.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(
        objective(network, batch._replace(features=features))[0], features
    )
    expected = 0.3 * gradient / gradient.norm(dim=1, keepdim=True)
    assert torch.allclose(shift, expected, atol=1e-15)


def test_pgd_stays_in_its_ball_and_hurts_at_least_as_much(network: nn.Module, batch: Batch) -> None:
    def loss(shift: torch.Tensor) -> float:
        shifted = batch._replace(features=batch.features + shift)
        return float(objective(network, shifted)[0].detach())

    few = attack("pgd", network, batch, epsilon=0.5, step_size=0.2, steps=1)
    many = attack("pgd", network, batch, epsilon=0.5, step_size=0.2, steps=8)
    assert torch.allclose(few.norm(dim=1), torch.full((6,), 0.2, dtype=torch.float64))
    assert many.norm(dim=1).max() <= 0.5 + 1e-12
    assert loss(torch.zeros(6, 5)) < loss(few) < loss(many)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_rows_shift_does_not_depend_on_the_batch_it_is_in(
    network: nn.Module, batch: Batch, choice: str
) -> None:
    whole = attack(choice, network, batch)
    half = Batch(*(part[::2] for part in batch))
    assert torch.allclose(attack(choice, network, half), whole[::2], atol=1e-14)


def test_a_row_without_gradient_stays_where_it_is() -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert torch.equal(scaled(rows, 10.0), torch.tensor([[0.0, 0.0], [6.0, 8.0]]))
    assert torch.equal(within(rows, 5.0), rows)
    assert torch.allclose(within(rows, 1.0)[1], torch.tensor([0.6, 0.8]))


def test_the_loss_is_mixed_by_its_share(network: nn.Module, batch: Batch) -> None:
    given = torch.full_like(batch.features, 0.1)
    adversary = Adversary(lambda loss_of, zero_perturbation, loss: given, share=0.25)
    loss, values = adversary(objective, network, batch)
    clean, _ = objective(network, batch)
    hard, _ = objective(network, batch._replace(features=batch.features + 0.1))
    assert loss.item() == pytest.approx(0.75 * clean.item() + 0.25 * hard.item(), rel=1e-12)
    assert values["clean_loss"].item() == pytest.approx(clean.item(), rel=1e-12)
    assert values["adversarial_loss"].item() == pytest.approx(hard.item(), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_trained_so_a_model_is_hurt_less(lab: Lab, choice: str) -> None:
    long = (
        "breast_cancer",
        "trainer.max_epochs=20",
        "model.dropout=0.0",
        "trainer.select_checkpoint=last",
    )
    plain, hardened = lab.fit(*long), lab.fit(*long, f"adversarial={choice}")
    assert hardened.curve("train/adversarial_loss")[0] > hardened.curve("train/clean_loss")[0]
    features = plain.model.preprocessor.transform(plain.data.test)
    targets = torch.from_numpy(plain.model.preprocessor.target.encode(plain.data.test))
    batch = Batch(torch.from_numpy(features), targets, torch.arange(len(targets)))
    losses = {}
    for name, outcome in (("plain", plain), ("hardened", hardened)):
        network = outcome.model.fitted.double()
        shift = attack("fgm", network, batch)
        losses[name] = float(
            objective(network, batch._replace(features=batch.features + shift))[0].detach()
        )
    assert losses["hardened"] < losses["plain"]


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_two_processes_and_accumulation_change_nothing(lab: Lab, choice: str) -> None:
    overrides = (*TRAINED, f"adversarial={choice}", "trainer.precision=64-true")
    alone = lab.fit(*overrides)
    for shared in ("trainer.micro_batch_size=8", "trainer.devices=2"):
        other = lab.fit(*overrides, shared)
        for key, value in alone.weights.items():
            assert abs(value - other.weights[key]).max() <= 1e-12
    assert equal_weights(alone, lab.fit(*overrides))


def test_where_nothing_can_be_shifted_it_is_said() -> None:
    from plait.config.compose import Project

    with pytest.raises(ConfigurationError, match=r"finetuning: linear_probe leaves as it is"):
        Project(ROOT).compose("review_sentiment", ["finetuning=linear_probe", "adversarial=fgm"])
    assert Project(ROOT).compose("wine", ["model=svm", "adversarial=fgm"])["adversarial"] is None
