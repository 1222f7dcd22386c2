"""A resolved file is read alike by plait, by YAML 1.1, and by DVC, by YAML 1.2."""

import pytest
import yaml
from dvc.utils.serialize import parse_yaml

from plait.config.resolved import as_text
from plait.json_types import Values


def test_dvc_parses_in_c() -> None:
    """In Python it would take five times as long, which is most of a small ``dvc repro``."""
    from ruamel.yaml import main

    assert main.CParser is not None


TEXTS = (
    *("0768278038329689", "1768278038329689", "089", "012", "0o17", "0x1F", "+5", "-7", "1_000"),
    *("1e5", "768278e038329689", "1.5E+3", ".5", "5.", "1.0", ".inf", "-.inf", ".nan", "0b11"),
    *("yes", "No", "on", "true", "null", "~", "", "1:30", "2026-11-30", "=", "<<", "a: b", "# c"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_looks_like_something_else_is_text_to_both(text: str) -> None:
    values: Values = {"code": {"train": text}, "list": [text], text or "empty": 1}
    written = as_text(values)
    assert yaml.safe_load(written) == values
    assert parse_yaml(written, "resolved.yaml") == values


@pytest.mark.parametrize("number", [0, -7, 10**20, 0.1, 1e-8, -2.5e30, 1e16, True, None])
def test_numbers_are_numbers_to_both(number: float | None) -> None:
    written = as_text({"value": number})
    assert yaml.safe_load(written) == {"value": number}
    read = parse_yaml(written, "resolved.yaml")["value"]
    assert read == number
    assert type(read) in (type(number), float)
