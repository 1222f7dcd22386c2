"""Each odd input is read exactly, or refused, as the table and the page of the docs say."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from checkouts import ROOT
from data.odd_inputs import ODD, Odd, outcome_of, page
from plait.json_types import Values

FORM: Values = yaml.safe_load((ROOT / "conf/data/table.yaml").read_text(encoding="utf-8"))["format"]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_an_odd_input_is_read_exactly_or_refused(raw: Callable[..., Path], odd: Odd) -> None:
    root = raw(f"odd.{odd.ending}", odd.written)
    assert outcome_of(odd, root, dict(FORM)) == odd.outcome


def test_the_page_lists_each_input_with_its_outcome() -> None:
    assert (ROOT / "docs/odd_inputs.md").read_text(encoding="utf-8") == page()
    assert len({odd.name for odd in ODD}) == len(ODD) >= 100
