"""The page of a look shows each column, and nobody's name."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plait.tables.association import association
from plait.tables.new import inspect_file

Put = Callable[[str, pd.DataFrame | bytes], str]


def test_a_page_has_a_card_for_each_column_and_no_personal_data(project: Path, put: Put) -> None:
    rows = 60
    frame = pd.DataFrame(
        {
            "email": [f"someone{number % 9}@example.org" for number in range(rows)],
            "phone": [f"+49 30 {77000 + number}" for number in range(rows)],
            "city<b>": ["Köln", "Bonn", "Bonn"] * 20,
            "size": np.arange(rows) * 1.5,
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%d.%m.%Y"),
            "faulty": ["10%", *map(str, range(1, rows))],
            "sold": [0, 1] * 30,
        }
    )
    page = project / "look.html"
    told = inspect_file(project, put("a.csv", frame), "sold", page=page)
    assert told.endswith(f"wrote {page}")
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"<h2>(.*) <span class=", text)
    assert names == ["email", "phone", "city&lt;b&gt;", "size", "day", "faulty", "sold"]
    assert "example.org" not in text
    assert "+49 30" not in text
    assert text.count('aria-label="Histogram"') == 3
    assert "Bonn</span>" in text
    assert "mixes numbers with % and without" in text
    assert not re.search(r"<script|src=\"http|href=\"http", text)


def test_an_association_is_what_its_formula_says() -> None:
    numbers = pd.Series(np.arange(40.0))
    halves = pd.Series(["a", "b"] * 20, dtype="str")
    blocks = pd.Series(["a"] * 20 + ["b"] * 20, dtype="str")
    found = [
        association(numbers, -2 * numbers),
        association(halves, halves),
        association(halves, blocks),
        association(blocks, numbers),
        association(numbers, blocks),
    ]
    # Of 0 … 39, a fraction 100 / 133.25 of the variance lies between the halves.
    between = np.sqrt(100 / 133.25)
    values = [each.value for each in found if each is not None]
    assert values == pytest.approx([1, 1, 0, between, between], abs=1e-12)
    assert association(numbers, pd.Series([1.0] * 40)) is None
    assert association(numbers[:5], numbers[:5]) is None
