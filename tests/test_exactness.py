"""The quick part of what `make exactness` measures."""

import os
import subprocess
import sys

import pytest

from checkouts import ROOT


@pytest.mark.slow
def test_a_few_cases_of_each_claim_hold() -> None:
    measured = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "exactness.py"), "--quick"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert measured.returncode == 0, measured.stdout + measured.stderr
    assert measured.stdout.count("(bound ") == 8, measured.stdout


def test_the_page_holds_what_the_issue_asks_for() -> None:
    """It is written by the whole of it, which `.ci/nightly` runs."""
    page = (ROOT / "docs" / "exactness.md").read_text(encoding="utf-8")
    measured = page.partition("\n## ")[0]
    rows = [line for line in measured.splitlines() if line.startswith("| ")]
    assert len([row for row in rows if "| ≤ " in row or "| 0 |" in row or "| none |" in row]) == 13
    assert "missed" not in page
