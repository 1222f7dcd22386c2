"""Settings of the sources as shipped, with changes."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plait.settings import Settings

CONF = Path(__file__).parents[2] / "conf" / "data"


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``values`` with ``changes`` laid over it, mapping into mapping."""
    result = dict(values)
    for key, value in changes.items():
        below = result.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        result[key] = merged(below, value) if both else value
    return result


@pytest.fixture
def settings_for() -> Callable[..., Settings]:
    """``settings_for("table", target="y", split={"test": 0.5})``."""

    def make(name: str, /, **changes: Any) -> Settings:
        values = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
        module = importlib.import_module(f"plait.data.sources.{name}")
        return module.Settings(**merged(values, changes))

    return make


@pytest.fixture
def raw(tmp_path: Path) -> Callable[..., Path]:
    """``raw("a.csv", "x,y\\n1,2\\n")`` writes data/raw/a.csv and returns the root."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / "data" / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write
