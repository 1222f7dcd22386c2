"""What others may import from plait: documented, typed, and imported only when asked for."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import plait
from checkouts import ROOT, Checkout
from plait.config.closure import Code
from plait.public import PUBLIC

FACE = Path(plait.__file__)


def test_every_name_is_documented_and_typed() -> None:
    tree = ast.parse(FACE.read_text(encoding="utf-8"))
    typed = {
        alias.asname: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == PUBLIC
    assert set(re.findall(r"`(\w+)`", ast.get_docstring(tree) or "")) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_that_of_its_module(name: str) -> None:
    assert getattr(plait, name) is getattr(import_module(PUBLIC[name]), name)
    assert name in dir(plait)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="module 'plait' has no attribute 'loads'"):
        plait.loads  # noqa: B018


def test_importing_plait_imports_none_of_it() -> None:
    code = "import sys, plait; print(sorted(name for name in sys.modules if 'plait' in name))"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    said = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True
    )
    assert said.stdout.strip() == "['plait', 'plait.loaded']", said.stderr


def test_a_stage_depends_on_what_it_imports_by_the_public_face(checkout: Checkout) -> None:
    checkout.append("src/plait/mine.py", "from plait import Split, loaded, metric\n")
    reached = Code(checkout.root / "src").reach(["plait.mine"]).modules
    assert {"plait.data.splits", "plait.evaluation.metrics", "plait.loaded"} <= reached.keys()
    checkout.append("src/plait/other.py", "from plait import UserError\n")
    of_errors = Code(checkout.root / "src").reach(["plait.other"]).modules
    own = {"plait", "plait.loaded", "plait.public"}
    assert of_errors.keys() == {*own, "plait.errors", "plait.other", "plait.terminal"}


def test_the_guide_imports_by_the_public_face_alone() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", guide, flags=re.DOTALL | re.MULTILINE)
    found = {
        (node.module, alias.name)
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("plait")
        for alias in node.names
    }
    assert len(found) > 10
    assert {module for module, _ in found} == {"plait"}
    assert {name for _, name in found} <= PUBLIC.keys()
