"""Learning-rate schedules against their formulas."""

import math
from typing import Any

import pytest

from checkouts import ROOT
from plait.config.registry import choices, module_of, settings_of
from training.fitting import Lab


def factors(choice: str, steps: int, **values: Any) -> list[float]:
    """The factor at each step, and after the last."""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=2.0)
    settings = settings_of("schedule", choice)(**values)
    schedule = module_of("schedule", choice).build(settings, optimizer, steps)
    seen = []
    for _ in range(steps + 1):
        seen.append(optimizer.param_groups[0]["lr"] / 2.0)
        optimizer.step()
        schedule.step()
    return seen


def test_constant_is_constant() -> None:
    assert factors("constant", 5, warmup_fraction=0.0) == [1.0] * 6


@pytest.mark.parametrize("choice", ["constant", "linear", "cosine"])
def test_warm_up_rises_evenly_to_one(choice: str) -> None:
    values = (
        {"warmup_fraction": 0.4}
        if choice == "constant"
        else {"warmup_fraction": 0.4, "final_lr_factor": 0.1}
    )
    seen = factors(choice, 10, **values)
    assert seen[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_linear_falls_evenly_to_its_final_factor() -> None:
    seen = factors("linear", 12, warmup_fraction=1 / 6, final_lr_factor=0.25)
    expected = [1 - 0.75 * done / 10 for done in range(11)]
    assert seen[2:] == pytest.approx(expected)


def test_cosine_falls_along_half_a_cosine() -> None:
    seen = factors("cosine", 8, warmup_fraction=0.0, final_lr_factor=0.2)
    expected = [0.2 + 0.8 * (1 + math.cos(math.pi * done / 8)) / 2 for done in range(9)]
    assert seen == pytest.approx(expected)
    assert seen[4] == pytest.approx(0.6)
    assert seen[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("choice", choices(ROOT / "conf", "schedule"))
def test_every_schedule_trains_and_spans_all_steps(lab: Lab, choice: str) -> None:
    outcome = lab.fit(
        "linear_regression",
        f"schedule={choice}",
        "schedule.warmup_fraction=0.5",
        "trainer.max_epochs=4",
    )
    rates = outcome.curve("train/lr")
    assert rates[0] == pytest.approx(0.01 * 26 / 51)
    assert rates[1] == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0.01 if choice == "constant" else 0.0)


def test_a_schedule_ends_at_max_steps_when_those_come_first(lab: Lab) -> None:
    outcome = lab.fit("linear_regression", "schedule=linear", "trainer.max_steps=30")
    assert outcome.curve("train/lr")[-1] == pytest.approx(0.0)
