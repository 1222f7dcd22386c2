"""``plait verify``: what it says of each experiment, and when its status is 1."""

import json
from pathlib import Path
from typing import Any

import pytest

from checkouts import Checkout
from plait.errors import UserError
from plait.evaluation.metrics import metrics
from plait.evaluation.verify import COUNTED, verify

NAME = "diabetes"

WRITTEN = {"test/mse": 2.0, "test/r2": 0.5, "test/accuracy": 0.9}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Nothing but a commit."""
    checkout = Checkout(tmp_path)
    checkout.run("git", "init", "--quiet")
    checkout.commit("nothing yet")
    return checkout


def write(
    checkout: Checkout,
    metrics: Any,
    *,
    name: str = NAME,
    model: str = "linear",
    supports: tuple[int, ...] = (),
) -> None:
    """What the stages leave of 1000 test rows, or of classes with those numbers of rows."""
    results = checkout.root / "results" / name
    for folder in ("model", "evaluation"):
        (results / folder).mkdir(parents=True, exist_ok=True)
    (results / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (results / "model" / "model.json").write_text(json.dumps({"choice": model}), encoding="utf-8")
    held_out = {key for key in dict(metrics) if key.startswith("validation/")}
    table = {
        key.removeprefix("test/"): {"value": value}
        for key, value in dict(metrics).items()
        if key not in held_out
    }
    validated = {key.removeprefix("validation/"): metrics[key] for key in sorted(held_out)}
    evaluation = {
        "rows": sum(supports) or 1000,
        "validation": {"rows": 500, "metrics": validated} if validated else None,
        "metrics": {**table, "undefined": {"value": None}},
        "per_class": [{"support": support} for support in supports] or None,
    }
    (results / "evaluation" / "evaluation.json").write_text(
        json.dumps(evaluation), encoding="utf-8"
    )


def verdict(checkout: Checkout) -> tuple[str, bool]:
    lines, holds = verify(checkout.root, [NAME])
    assert lines[0].startswith(f"{NAME} ")
    assert len(lines) == (1 if holds else 2)
    return lines[0].removeprefix(NAME).strip(), holds


def committed(checkout: Checkout, then: Any, now: Any, **given: Any) -> tuple[str, bool]:
    """The verdict where the commit has one and the checkout the other."""
    write(checkout, then, **given)
    checkout.commit()
    write(checkout, now, **given)
    return verdict(checkout)


def test_equal_metrics_are_identical(checkout: Checkout) -> None:
    said = committed(checkout, WRITTEN, WRITTEN)
    assert said == ("identical to the commit in all 3 metrics", True)


@pytest.mark.parametrize(
    ("model", "key", "then", "now", "holds"),
    [
        # The last of eight digits is all that an estimator's rounding reaches.
        ("least_squares", "test/mse", 2.0, 2.0000001, True),
        ("least_squares", "test/mse", 1.0, 1.0000002, False),
        ("least_squares", "test/mse", 2.9994223e-4, 2.9994225e-4, True),
        ("least_squares", "test/mse", 2.9994223e-4, 2.9994254e-4, False),
        ("decision_tree", "test/accuracy", 0.9, 0.901, False),
        # A network's steps add theirs up.
        ("linear", "test/mse", 2.0, 2.0019, True),
        ("linear", "test/mse", 2.0, 1.9981, True),
        ("linear", "test/mse", 2.0, 2.0021, False),
        ("linear", "test/mse", 2.0, 1.997, False),
        ("linear", "test/mse", 0.0, 1e-9, False),
        # Near zero r2 is still one less a ratio near one.
        ("mlp", "test/r2", -0.0036, -0.0030, True),
        ("mlp", "test/r2", -0.0036, -0.0010, False),
        ("mlp", "test/r2", 0.99999934, 0.9989, False),
        # Three rows of a thousand.
        ("mlp", "test/directional_accuracy", 0.5, 0.503, True),
        ("mlp", "test/directional_accuracy", 0.5, 0.504, False),
        # A metric of one's own is none that counts rows.
        ("mlp", "test/hits", 0.5, 0.503, False),
    ],
)
def test_a_difference_holds_up_to_what_rounding_does_to_such_a_model(
    checkout: Checkout, model: str, key: str, then: float, now: float, holds: bool
) -> None:
    said, held = committed(checkout, {**WRITTEN, key: then}, {**WRITTEN, key: now}, model=model)
    assert held == holds
    how = "within the bound" if holds else "too much"
    count = len({*WRITTEN, key})
    assert f"1 of {count} metrics differ" in said
    assert how in said
    assert f"{key} by {abs(now - then):.1e}, where rounding may do" in said


@pytest.mark.parametrize(("now", "holds"), [(0.9149, True), (0.916, False)])
def test_of_classes_three_rows_of_the_rarest_may_flip(
    checkout: Checkout, now: float, holds: bool
) -> None:
    then = {"test/recall_macro": 0.9}
    given = {"model": "mlp", "supports": (900, 100, 0)}
    assert committed(checkout, then, {"test/recall_macro": now}, **given)[1] == holds


def test_of_several_differences_the_one_that_is_farthest_beyond_its_bound_is_named(
    checkout: Checkout,
) -> None:
    now = {"test/mse": 2.01, "test/r2": 0.4, "test/accuracy": 0.9001}
    said, holds = committed(checkout, WRITTEN, now)
    assert not holds
    assert said.startswith("2 of 3 metrics differ too much: test/r2 by 1.0e-01,")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({**WRITTEN, "test/mae": 1.0}, "metrics added: test/mae"),
        ({"test/r2": 0.5}, "metrics dropped: test/accuracy, test/mse"),
        (
            {"test/mse": 2.0001, "test/mae": 1.0},
            "1 of 2 metrics differ, within the bound: test/mse by 1.0e-04, where rounding may do"
            " 2.0e-03; metrics added: test/mae; metrics dropped: test/accuracy, test/r2",
        ),
        ({"test/mse": float("nan")}, "no whole evaluation: test/mse is nan, which is no number"),
        ({"test/mse": "2.0"}, "no whole evaluation: test/mse is '2.0', which is no number"),
    ],
)
def test_metrics_that_are_not_the_same_ones_or_no_numbers_are_failures(
    checkout: Checkout, now: Any, words: str
) -> None:
    said, holds = committed(checkout, WRITTEN, now)
    assert not holds
    assert said.endswith(words)


def test_a_commit_whose_metrics_are_no_numbers_is_told(checkout: Checkout) -> None:
    path = "results/diabetes/metrics.json"
    words = f"the commit's {path} has no metrics: "
    said = committed(checkout, {**WRITTEN, "test/mse": float("inf")}, WRITTEN)
    assert said == (f"{words}test/mse is inf, which is no number", False)
    write(checkout, WRITTEN)
    (checkout.root / path).write_text("[]", encoding="utf-8")
    checkout.commit()
    write(checkout, WRITTEN)
    assert verdict(checkout) == (f"{words}not a mapping", False)


@pytest.mark.parametrize("gone", ["metrics.json", "model/model.json", "evaluation/evaluation.json"])
def test_what_was_not_evaluated_here_does_not_hold(checkout: Checkout, gone: str) -> None:
    write(checkout, WRITTEN)
    checkout.commit()
    (checkout.root / "results" / NAME / gone).unlink()
    assert verdict(checkout) == (f"not evaluated here: run `dvc repro evaluate@{NAME}`", False)
    (checkout.root / "results" / NAME / gone).write_text('{"half', encoding="utf-8")
    said, holds = verdict(checkout)
    assert not holds
    assert said.startswith("what lies here is no whole evaluation: ")


def test_metrics_of_another_evaluation_do_not_hold(checkout: Checkout) -> None:
    """As where the commit's file was put back beside what this machine made."""
    write(checkout, WRITTEN)
    checkout.commit()
    write(checkout, {**WRITTEN, "test/mse": 7.0})
    checkout.run("git", "checkout", "HEAD", "--", "results/diabetes/metrics.json")
    said, holds = verdict(checkout)
    assert not holds
    assert said.startswith("results/diabetes/metrics.json is not what evaluation/ beside it has")


@pytest.mark.parametrize(("now", "holds"), [(0.906, True), (0.907, False)])
def test_rows_of_the_validation_part_are_counted_as_those_of_the_test_part(
    now: float, holds: bool, checkout: Checkout
) -> None:
    key = "validation/accuracy"
    then = {**WRITTEN, key: 0.9}
    said, held = committed(checkout, then, {**WRITTEN, key: now}, model="mlp")
    assert held == holds
    assert f"{key} by {now - 0.9:.1e}, where rounding may do 6.0e-03" in said


def test_a_rare_class_of_the_validation_part_counts_in_proportion(checkout: Checkout) -> None:
    key = "validation/f1_macro"
    for now in (0.929, 0.931):
        # A tenth of 1000 rows is the rarer class; of 500, about fifty.
        said = committed(
            checkout,
            {**WRITTEN, key: 0.9},
            {**WRITTEN, key: now},
            model="mlp",
            supports=(900, 100),
        )
        assert said[1] == (now < 0.93)


def test_a_new_experiment_holds_and_is_called_so(checkout: Checkout) -> None:
    write(checkout, WRITTEN)
    assert verdict(checkout) == ("new: the commit has no metrics to compare with", True)


def test_one_experiment_that_does_not_hold_is_named_at_the_end(checkout: Checkout) -> None:
    for name in (NAME, "wine"):
        write(checkout, WRITTEN, name=name)
    checkout.commit()
    write(checkout, {**WRITTEN, "test/mse": 3.0}, name="wine")
    lines, holds = verify(checkout.root, [NAME, "wine"])
    assert not holds
    assert len(lines) == 3
    assert lines[2].startswith("not the commit's numbers: wine. Rounding does not do that;")


def test_without_a_commit_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no git commit here whose metrics could be compared"):
        verify(tmp_path, [NAME])


def test_what_counts_rows_is_among_the_metrics() -> None:
    assert metrics().keys() >= COUNTED


LOCK = """
schema: '2.0'
stages:
  train@diabetes:
    cmd: train
    params:
      resolved/diabetes.yaml:
        seed: {seed}
    outs:
    - path: results/diabetes/model
      md5: {digest}
  record@diabetes:
    cmd: record
    outs:
    - path: mlruns/recorded/diabetes.json
      md5: {digest}
"""


def test_other_bits_in_the_lock_are_named_with_what_to_do(checkout: Checkout) -> None:
    lock = checkout.root / "dvc.lock"
    write(checkout, WRITTEN)
    lock.write_text(LOCK.format(seed=0, digest="a"), encoding="utf-8")
    checkout.commit()
    assert verify(checkout.root, [NAME])[0][1:] == []
    lock.write_text(LOCK.format(seed=0, digest="b"), encoding="utf-8")
    (line,) = verify(checkout.root, [NAME])[0][1:]
    assert "other bits than the commit's for results/diabetes/model: another CPU's" in line
    # With another configuration they are other outputs, not other bits.
    lock.write_text(LOCK.format(seed=1, digest="b"), encoding="utf-8")
    assert verify(checkout.root, [NAME])[0][1:] == []
