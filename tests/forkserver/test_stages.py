"""The stages of ``dvc repro`` leave the same bytes, forked or not."""

import json
import sys

import pytest

from checkouts import Checkout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux"),
]

EXPERIMENTS: dict[str, object] = {
    "linear_regression": {"trainer": {"max_epochs": 2}, "evaluation": {"resamples": 20}},
}


def test_they_leave_the_same_bytes_and_say_the_same(checkout: Checkout) -> None:
    checkout.list_experiments(EXPERIMENTS)
    said, left = [], []
    for switch in ("1", "1", "0"):
        lines = checkout.run("dvc", "repro", "--force", env={"PLAIT_FORK": switch}).stdout
        said.append(
            [line for line in lines.splitlines() if not line.startswith(tuple(EXPERIMENTS))]
        )
        left.append((checkout.root / "dvc.lock").read_text(encoding="utf-8"))
    # The first time, all is new to git and to DVC.
    assert said[1] == said[2]
    assert left[0] == left[1] == left[2]
    known = json.loads((checkout.root / ".plait" / "imports.json").read_text(encoding="utf-8"))
    # Pretraining and calibration have nothing to do.
    assert {kind.split()[0] for kind in known["kinds"]} == {
        *("generate", "train", "evaluate", "record")
    }
    assert known["never"] == []


def test_what_is_wrong_is_said_as_ever(checkout: Checkout) -> None:
    checkout.list_experiments({"least_squares": {}})
    checkout.run("dvc", "repro", "pretrain@least_squares", env={"PLAIT_FORK": "1"})
    checkout.append("src/plait/models/least_squares.py", "\nEDITED = 1\n")
    command = ("dvc", "repro", "--single-item", "train@least_squares")
    said = [
        checkout.run(*command, env={"PLAIT_FORK": switch}, check=False) for switch in ("1", "0")
    ]
    assert said[0].returncode == said[1].returncode != 0
    assert said[0].stderr == said[1].stderr
    assert "src/plait/models/least_squares.py was edited since it was composed" in said[0].stderr
