"""The numbers of the shipped experiments, as recorded in the commit."""

import html
import json
from pathlib import Path
from typing import Any

import pytest

from checkouts import ROOT, Checkout
from plait.config.compose import Project
from plait.config.levels import flat, read_yaml
from plait.pipeline.stages import STAGES

NOISE_VARIANCE = 0.01


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def metrics(name: str) -> dict[str, float]:
    recorded: dict[str, float] = read(ROOT / "results" / name / "metrics.json")
    return recorded


def test_sgd_reaches_the_closed_form_and_both_the_noise_floor() -> None:
    trained, solved = metrics("linear_regression")["test/mse"], metrics("least_squares")["test/mse"]
    assert trained == pytest.approx(solved, rel=0.02)
    assert trained == pytest.approx(NOISE_VARIANCE, rel=0.3)


def test_metrics_have_eight_significant_digits_at_most() -> None:
    paths = sorted(ROOT.glob("results/*/metrics.json"))
    assert len(paths) == 5
    for path in paths:
        for key, value in read(path).items():
            assert float(f"{value:.7e}") == value, key


def test_the_commit_holds_what_its_code_and_configuration_give() -> None:
    """Else a fresh clone could not end with a clean ``git status``: `dvc repro`, then commit."""
    lock = read_yaml(ROOT / "dvc.lock")["stages"]
    for name, resolved in Project(ROOT).compose_all().items():
        path = ROOT / "resolved" / f"{name}.yaml"
        assert path.read_text(encoding="utf-8") == resolved.text(), name
        for stage in STAGES:
            locked = dict(flat(lock[f"{stage}@{name}"]["params"][f"resolved/{name}.yaml"]))
            read_now = {
                leaf: value
                for key in STAGES[stage].keys
                for leaf, value in flat({key: resolved[key]})
            }
            assert locked == read_now, f"{stage}@{name}"


@pytest.mark.slow
def test_on_many_test_rows_the_error_is_the_noise_within_two_percent(checkout: Checkout) -> None:
    data: dict[str, object] = {"samples": 125_000, "split": {"test": 0.8}}
    checkout.list_experiments(
        {
            "linear_regression": {"data": data, "trainer": {"max_epochs": 5}},
            "least_squares": {"data": data},
        }
    )
    checkout.run("dvc", "repro", "evaluate@linear_regression", "evaluate@least_squares")
    for name in ("linear_regression", "least_squares"):
        results = checkout.root / "results" / name
        evaluation = read(results / "evaluation" / "evaluation.json")
        assert evaluation["rows"] == 100_000
        assert evaluation["metrics"]["mse"]["value"] == pytest.approx(NOISE_VARIANCE, rel=0.02)


@pytest.mark.slow
def test_the_classifiers_beat_their_baselines_with_their_intervals(checkout: Checkout) -> None:
    names = ("breast_cancer", "wine", "digits")
    checkout.list_experiments({name: {"evaluation": {"resamples": 100}} for name in names})
    checkout.run("dvc", "repro", *(f"evaluate@{name}" for name in names))
    for name in names:
        evaluation = read(checkout.root / "results" / name / "evaluation" / "evaluation.json")
        assert evaluation["verdict"]["better_than_naive"], name
        accuracy = evaluation["metrics"]["accuracy"]["low"]
        for baseline in evaluation["baselines"].values():
            if baseline["naive"]:
                assert accuracy > baseline["metrics"]["accuracy"]["high"], name


@pytest.mark.slow
def test_the_market_report_says_how_it_stands_against_the_naive_answers(
    checkout: Checkout,
) -> None:
    checkout.list_experiments({"market": {}, "market_direction": {}})
    checkout.run("dvc", "repro")
    for name in ("market", "market_direction"):
        evaluation = read(checkout.root / "results" / name / "evaluation" / "evaluation.json")
        differences = [
            baseline["difference"]["better"]
            for baseline in evaluation["baselines"].values()
            if baseline["naive"]
        ]
        assert evaluation["verdict"]["better_than_naive"] == all(differences)
        page = (checkout.root / "mlruns" / "reports" / f"{name}.html").read_text(encoding="utf-8")
        page = html.unescape(page)
        assert evaluation["verdict"]["headline"].split(";")[0] in page
        if not all(differences):
            assert evaluation["verdict"]["text"].startswith("Not better than")
