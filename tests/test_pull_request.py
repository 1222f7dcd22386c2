"""What CI does with a pull request of the user's own, run here."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import ROOT, Checkout, copy_project

WORKFLOW = ROOT / ".github" / "workflows" / "experiments.yml"


def steps() -> list[dict[str, Any]]:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    # YAML takes the key `on` for true.
    assert workflow[True] == {"pull_request": None}
    found: list[dict[str, Any]] = workflow["jobs"]["experiments"]["steps"]
    return found


def script(checkout: Checkout, *arguments: str, check: bool = True) -> tuple[int, str]:
    command = (sys.executable, "scripts/pull_request", *arguments)
    answer = checkout.run(*command, check=check)
    return answer.returncode, answer.stdout + answer.stderr


def test_the_workflow_uses_pinned_official_actions_and_steps_that_are_tested() -> None:
    uses = [step["uses"] for step in steps() if "uses" in step]
    assert [use for use in uses if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", use)] == []
    verbs = [step["run"].split()[1] for step in steps() if "scripts/pull_request" in str(step)]
    assert verbs == ["pull", "check", "report"]
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "pull_request_target" not in text
    # What anybody may choose, such as the name of a branch, is never part of a script.
    assert [step for step in steps() if "${{" in step.get("run", "")] == []


def test_without_a_remote_there_is_nothing_to_pull(shared_checkout: Checkout) -> None:
    assert script(shared_checkout, "pull") == (0, "no DVC remote is configured: nothing to pull\n")


@pytest.mark.slow
def test_the_report_shows_metrics_and_parameters_beside_those_of_the_base(tmp_path: Path) -> None:
    checkout = copy_project(tmp_path / "project", keep_results=True)
    checkout.run("git", "checkout", "--quiet", "-b", "change")
    checkout.edit("results/market/metrics.json", '"test/mse": 0.000', '"test/mse": 0.123')
    checkout.edit("params.yaml", "lr: 0.01", "lr: 0.05")
    checkout.commit()
    _, said = script(checkout, "report", "main")
    (row,) = (line for line in said.splitlines() if "market" in line and "test/mse" in line)
    assert re.search(r"\| 0\.000\d+ +\| 0\.123\d+ +\| 0\.123 +\|$", row), row
    (row,) = (line for line in said.splitlines() if "optimizer.lr" in line)
    assert re.search(r"\| 0\.01 +\| 0\.05 +\|$", row), row
    assert "Unchanged." not in said
    _, said = script(checkout, "report", "HEAD")
    assert said.count("Unchanged.") == 2


CALIBRATION = "    from sklearn.calibration import CalibratedClassifierCV"


@pytest.mark.slow
def test_two_steps_of_what_has_changed_are_run_and_nothing_else(checkout: Checkout) -> None:
    checkout.plait("compose")
    checkout.commit("resolved")
    checkout.run("git", "checkout", "--quiet", "-b", "change")
    _, said = script(checkout, "check", "main")
    assert "experiments compose; changed: none" in said

    checkout.append("conf/experiment/wine.yaml", "\nseed: 7\n")
    checkout.append("README.md", "\nA word more.\n")
    checkout.commit()
    _, said = script(checkout, "check", "main")
    assert "experiments compose; changed: wine\n" in said
    assert re.search(r"^wine .*new run", said, re.MULTILINE)
    assert checkout.run("git", "worktree", "list").stdout.count("\n") == 1

    broken = "description: A model that cannot be built\ndefaults: [market, override /model: svm]\n"
    checkout.append("conf/experiment/broken.yaml", "# @package _global_\n" + broken)
    checkout.edit("src/plait/models/svm.py", CALIBRATION, f"    1 / 0\n{CALIBRATION}")
    status, said = script(checkout, "check", "main", check=False)
    assert status == 1
    assert "changed: broken, wine\n" in said
    assert "ZeroDivisionError" in said
    assert "\nfailed: broken\n" in said
    checkout.run("git", "clean", "--quiet", "--force", "conf")
    checkout.run("git", "checkout", "--quiet", "--", "src")

    checkout.edit("params.yaml", "lr: 0.01", "lr: 0.05")
    status, said = script(checkout, "check", "main", check=False)
    assert status == 1
    assert "resolved/ is not what `plait compose` writes" in said
    checkout.run("git", "checkout", "--quiet", "--", "params.yaml", "resolved")

    checkout.append("conf/experiment/digits.yaml", "\nno_such_key: 1\n")
    status, said = script(checkout, "check", "main", check=False)
    assert status == 2
    assert "conf/experiment/digits.yaml" in said
    assert "no_such_key" in said
