"""Objectives against their formulas."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checkouts import ROOT
from plait.config.registry import choices, module_of, settings_of
from plait.errors import UserError
from plait.objectives.base import Batch


def evaluate(
    choice: str, outputs: torch.Tensor, targets: torch.Tensor, **values: Any
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss and logged values where the model's outputs are ``outputs``."""
    settings = settings_of("objective", choice)(**values)
    objective = module_of("objective", choice).build(settings, targets)
    loss, logged = objective(nn.Identity(), Batch(outputs, targets, torch.arange(len(targets))))
    return loss, logged


def plain(smoothing: float) -> dict[str, Any]:
    """Settings of the cross-entropy."""
    return {"label_smoothing": smoothing, "class_weights": "none"}


@pytest.fixture
def regression() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    outputs, targets = torch.randn(2, 40, generator=generator, dtype=torch.float64) * 2
    return outputs.requires_grad_(), targets


@pytest.fixture
def classes() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(0, 3, (40,), generator=generator)


def test_squared_error_is_the_mean_of_squares(
    regression: tuple[torch.Tensor, torch.Tensor],
) -> None:
    outputs, targets = regression
    loss, logged = evaluate("squared_error", outputs, targets)
    errors = (outputs - targets).detach().numpy()
    assert loss.item() == pytest.approx(np.mean(errors**2), rel=1e-14)
    assert logged == {}
    loss.backward()
    assert outputs.grad is not None
    assert outputs.grad.numpy() == pytest.approx(2 * errors / 40, rel=1e-12)


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.5])
def test_huber_is_squared_near_zero_and_absolute_beyond_delta(
    regression: tuple[torch.Tensor, torch.Tensor], delta: float
) -> None:
    outputs, targets = regression
    loss, logged = evaluate("huber", outputs, targets, delta=delta)
    size = np.abs((outputs - targets).detach().numpy())
    assert (size < delta).any()
    assert (size > delta).any()
    expected = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-14)
    assert logged["mse"].item() == pytest.approx(np.mean(size**2), rel=1e-14)
    assert not logged["mse"].requires_grad


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantile_is_the_mean_pinball_loss(
    regression: tuple[torch.Tensor, torch.Tensor], level: float
) -> None:
    outputs, targets = regression
    loss, logged = evaluate("quantile", outputs, targets, level=level)
    error = (targets - outputs).detach().numpy()
    expected = np.where(error > 0, level * error, (level - 1) * error).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-14)
    assert logged["mae"].item() == pytest.approx(np.abs(error).mean(), rel=1e-14)
    assert not logged["mae"].requires_grad


def test_the_best_constant_of_the_pinball_loss_is_the_quantile() -> None:
    targets = torch.arange(1.0, 11.0, dtype=torch.float64)
    losses = [
        evaluate("quantile", torch.full_like(targets, guess), targets, level=0.75)[0].item()
        for guess in targets.tolist()
    ]
    assert losses.index(min(losses)) == 7


def test_poisson_is_the_negative_log_likelihood_of_counts_but_for_a_constant() -> None:
    from scipy.stats import poisson

    generator = np.random.default_rng(4)
    logs, counts = generator.normal(size=40), generator.poisson(2.0, 40).astype(float)
    outputs = torch.from_numpy(logs).requires_grad_()
    loss, logged = evaluate("poisson", outputs, torch.from_numpy(counts))
    likelihood = poisson.logpmf(counts, np.exp(logs)) + [math.lgamma(n + 1) for n in counts]
    assert loss.item() == pytest.approx(-likelihood.mean(), rel=1e-12)
    assert logged["mse"].item() == pytest.approx(((np.exp(logs) - counts) ** 2).mean())
    loss.backward()
    assert outputs.grad is not None
    assert outputs.grad.numpy() == pytest.approx((np.exp(logs) - counts) / 40, rel=1e-12)


@pytest.mark.parametrize(
    ("targets", "fault"), [([1.0, -2.0], r"row 1 of the part is -2"), ([0.0, 0.0], "are 0")]
)
def test_poisson_refuses_what_is_no_count(targets: list[float], fault: str) -> None:
    with pytest.raises(UserError, match=f"objective: poisson .*{fault}"):
        evaluate("poisson", torch.zeros(2), torch.tensor(targets))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_the_mean_surprise_of_the_labels(
    classes: tuple[torch.Tensor, torch.Tensor], smoothing: float
) -> None:
    logits, labels = classes
    loss, logged = evaluate(
        "cross_entropy", logits, labels, label_smoothing=smoothing, class_weights="none"
    )
    values = logits.detach().numpy()
    logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    shares = np.full((40, 3), smoothing / 3)
    shares[np.arange(40), labels.numpy()] += 1 - smoothing
    assert loss.item() == pytest.approx(-(shares * logs).sum(axis=1).mean(), rel=1e-12)
    hits = values.argmax(axis=1) == labels.numpy()
    assert logged["accuracy"].item() == pytest.approx(hits.mean())
    assert not logged["accuracy"].requires_grad


def test_even_logits_cost_the_logarithm_of_the_number_of_classes() -> None:
    loss, _ = evaluate(
        "cross_entropy",
        torch.zeros(6, 5),
        torch.arange(6) % 5,
        label_smoothing=0.0,
        class_weights="none",
    )
    assert loss.item() == pytest.approx(math.log(5))


@pytest.mark.parametrize("choice", choices(ROOT / "conf", "objective"))
def test_every_objective_gives_a_scalar_to_follow_downhill(
    choice: str,
    regression: tuple[torch.Tensor, torch.Tensor],
    classes: tuple[torch.Tensor, torch.Tensor],
) -> None:
    import yaml

    values = yaml.safe_load((ROOT / f"conf/objective/{choice}.yaml").read_text())
    for task in settings_of("objective", choice).tasks:  # type: ignore[attr-defined]
        outputs, targets = regression if task == "regression" else classes
        if settings_of("objective", choice).link == "log":  # type: ignore[attr-defined]
            targets = targets.abs()
        if task == "multilabel":
            targets = torch.stack([targets == 0, targets != 1, targets > 5], 1).double()
        loss, logged = evaluate(choice, outputs, targets, **values)
        assert loss.shape == ()
        assert all(value.shape == () for value in logged.values())
        (gradient,) = torch.autograd.grad(loss, outputs)
        better, _ = evaluate(choice, outputs - 0.1 * gradient, targets, **values)
        assert better < loss


def test_each_label_has_its_own_cross_entropy(
    classes: tuple[torch.Tensor, torch.Tensor],
) -> None:
    logits, numbers = classes
    targets = torch.stack([numbers == 0, numbers != 1, numbers >= 0], 1).double()
    loss, logged = evaluate("binary_cross_entropy", logits, targets, **plain(0.0))
    share = 1 / (1 + np.exp(-logits.detach().numpy()))
    right = np.where(targets.numpy() == 1, share, 1 - share)
    assert loss.item() == pytest.approx(-np.log(right).mean(), rel=1e-12)
    assert logged["accuracy"].item() == ((right >= 0.5).all(axis=1)).mean()
    smoothed, _ = evaluate("binary_cross_entropy", logits, targets, **plain(0.2))
    wanted = targets.numpy() * 0.8 + 0.1
    expected = -(wanted * np.log(share) + (1 - wanted) * np.log(1 - share)).mean()
    assert smoothed.item() == pytest.approx(expected, rel=1e-12)


def test_balanced_labels_count_as_much_where_they_are_as_where_they_are_not() -> None:
    logits = torch.zeros(8, 2, dtype=torch.float64, requires_grad=True)
    targets = torch.zeros(8, 2, dtype=torch.float64)
    targets[:2, 0] = 1  # Two of eight; of the other label none.
    balanced = {"label_smoothing": 0.0, "class_weights": "balanced"}
    loss, _ = evaluate("binary_cross_entropy", logits, targets, **balanced)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[:2, 0].sum().item() == pytest.approx(-gradient[2:, 0].sum().item())
    assert torch.isfinite(gradient).all()


def test_balanced_classes_count_as_if_they_were_equally_frequent(
    classes: tuple[torch.Tensor, torch.Tensor],
) -> None:
    logits, _ = classes
    targets = torch.tensor([0] * 30 + [1] * 8 + [2] * 2)
    loss, _ = evaluate(
        "cross_entropy", logits, targets, label_smoothing=0.0, class_weights="balanced"
    )
    by_class = [
        nn.functional.cross_entropy(logits[targets == number], targets[targets == number])
        for number in range(3)
    ]
    assert loss.item() == pytest.approx(torch.stack(by_class).mean().item(), rel=1e-12)
