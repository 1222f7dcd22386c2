"""An experiment that cannot be composed stops no other."""

import pytest
import yaml

from checkouts import Checkout
from plait.config import extras
from plait.config.compose import Project
from plait.config.levels import flat
from plait.errors import ConfigurationError
from plait.pipeline.compose import compose
from plait.pipeline.stages import STAGES

GOOD: dict[str, object] = {"data": {"samples": 60}, "evaluation": {"resamples": 20}}
FAULT = "optimizer.lr: is 'fast' (text); must be a number (params.yaml)"


def test_its_file_holds_its_fault_and_all_that_dvc_names(checkout: Checkout) -> None:
    checkout.list_experiments({"market": {"optimizer": {"lr": "fast"}}, "least_squares": GOOD})
    compose(checkout.root, each=True)
    composed = yaml.safe_load((checkout.root / "resolved" / "market.yaml").read_text())
    assert FAULT in composed["error"]
    values = dict(flat(composed))
    for key in (key for stage in STAGES.values() for key in stage.keys):
        below = {each: value for each, value in values.items() if f"{each}.".startswith(f"{key}.")}
        assert below
        assert set(below.values()) == {None}
    assert "identity" in yaml.safe_load((checkout.root / "resolved/least_squares.yaml").read_text())


def test_everything_that_is_wrong_with_any_is_said_at_once(checkout: Checkout) -> None:
    checkout.list_experiments(
        {"market": {"optimizer": {"lr": "fast"}}, "least_squares": {"model": "line"}}
    )
    told = checkout.plait("compose", check=False)
    assert told.returncode == 2
    assert FAULT in told.stderr
    assert "unknown choice 'line'" in told.stderr
    assert not (checkout.root / "resolved").exists()


def test_one_whose_extra_is_missing_names_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = extras.installed_version
    monkeypatch.setattr(
        extras, "installed_version", lambda name: None if name == "peft" else real(name)
    )
    checkout.list_experiments({"review_sentiment": {"finetuning": "lora"}, "least_squares": GOOD})
    each = Project(checkout.root).compose_each()
    assert not isinstance(each["least_squares"], ConfigurationError)
    fault = each["review_sentiment"]
    assert isinstance(fault, ConfigurationError)
    assert str(fault).startswith(
        "review_sentiment: needs peft, which the extra text brings; `pip install --constraint"
        " requirements.lock --editable '.[text]'`"
    )


@pytest.mark.slow
def test_dvc_rebuilds_all_others(checkout: Checkout) -> None:
    checkout.list_experiments({"market": {"optimizer": {"lr": "fast"}}, "least_squares": GOOD})
    told = checkout.run("dvc", "repro", "--keep-going", check=False)
    assert told.returncode
    assert f"plait: market: {FAULT}" in told.stderr
    assert "the other experiments go on" in told.stderr
    assert (checkout.root / "results/least_squares/metrics.json").exists()
    assert (checkout.root / "mlruns/recorded/least_squares.json").exists()
    assert not (checkout.root / "data/generated/market").exists()
    assert "least_squares" in checkout.plait("runs").stdout
    # What the one at fault needs is not known, so nothing is removed until it is put right.
    collected = checkout.plait("gc", "--yes", check=False)
    assert collected.returncode == 2
    assert FAULT in collected.stderr
    # Put right, it runs, and it alone.
    checkout.list_experiments({"market": {"trainer": {"max_steps": 2}}, "least_squares": GOOD})
    told = checkout.run("dvc", "repro")
    assert "Running stage 'record@market'" in told.stdout
    assert "Running stage 'generate@least_squares'" not in told.stdout
