"""The code that a stage can reach, and what counts as a change of it."""

from pathlib import Path

import pytest

from checkouts import ROOT
from plait.config.closure import Code
from plait.config.compose import Project
from plait.config.packages import installed_version, read_lock, versions_of
from plait.errors import ConfigurationError
from plait.pipeline.stages import STAGES

MODULE = '''"""A module."""

import numpy as np

from plait.other import helper


def double(x: int) -> int:
    """Twice x."""
    # by addition
    return x + x
'''


def tree(folder: Path, module: str = MODULE) -> Code:
    package = folder / "plait"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text('"""The package."""\n')
    (package / "other.py").write_text("def helper() -> None:\n    import scipy\n")
    (package / "module.py").write_text(module)
    return Code(folder)


def digest(folder: Path, module: str) -> str:
    return tree(folder, module).reach(["plait.module"]).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Twice x."""', '"""Two times x."""'),
        ("# by addition", "# by adding"),
        ("    return x + x", "    return (x  +  x)"),
        ('"""A module."""', '"""A module."""\n\n# a remark'),
    ],
)
def test_comments_docstrings_and_layout_change_nothing(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, MODULE.replace(old, new)) == digest(tmp_path, MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("x + x", "x + x + 0"), ("double", "twice"), ("x + x", "'x'"), ("np", "numpy_")],
)
def test_statements_change_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, MODULE.replace(old, new)) != digest(tmp_path, MODULE)


def test_imports_are_followed_into_functions_and_packages(tmp_path: Path) -> None:
    closure = tree(tmp_path).reach(["plait.module"])
    assert list(closure.modules) == ["plait", "plait.module", "plait.other"]
    assert closure.packages == ("numpy", "scipy")


def test_imports_for_type_checking_alone_are_not_followed(tmp_path: Path) -> None:
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import plait.other\n"
    assert list(tree(tmp_path, guarded).reach(["plait.module"]).modules) == [
        "plait",
        "plait.module",
    ]


def test_relative_imports_and_packages_used_as_files_are_seen(tmp_path: Path) -> None:
    module = "from . import other\nfrom importlib.util import find_spec\nfind_spec('some_data')\n"
    closure = tree(tmp_path, module).reach(["plait.module"])
    assert "plait.other" in closure.modules
    assert "some_data" in closure.packages


def test_a_choice_brings_its_own_file_and_no_other() -> None:
    project = Project(ROOT)
    mlp = project.compose("market")
    modules = project.code.closure(STAGES["train"], mlp).modules
    assert "plait.models.mlp" in modules
    assert "plait.models.svm" not in modules
    assert not any(name.startswith(("plait.tracking", "plait.evaluation")) for name in modules)
    assert "plait.data.sources.market" not in modules
    assert "plait.data.sources.market" in project.code.closure(STAGES["generate"], mlp).modules


def test_packages_are_those_that_can_change_numbers() -> None:
    resolved = Project(ROOT).compose("linear_regression")
    assert {"torch", "lightning", "numpy"} <= resolved["packages.train"].keys()
    assert "torch" not in resolved["packages.generate"]
    assert not {"mlflow", "ruff", "hydra-core"} & resolved["packages.train"].keys()
    assert "bokeh-sampledata" in Project(ROOT).compose("market")["packages.generate"]


def test_locked_versions_are_those_installed() -> None:
    from importlib.metadata import version

    locked = read_lock(ROOT / "requirements.lock")
    for name in ("torch", "lightning", "mlflow", "dvc", "pandas", "numpy", "scikit-learn"):
        assert version(name).partition("+")[0] == locked[name]


def test_an_import_that_nothing_locked_provides_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==2.0.0\n")
    assert versions_of(["numpy", "mlflow"], lock) == {"numpy": "2.0.0"}
    with pytest.raises(ConfigurationError, match="imports 'xgboost', which no locked package"):
        versions_of(["xgboost"], lock)


@pytest.mark.parametrize("name", ["xgboost", "xgboost-cpu"])
def test_a_package_is_that_of_the_lock_under_either_name(tmp_path: Path, name: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{name}==3.2.0\n")
    assert versions_of(["xgboost"], lock) == {name: "3.2.0"}
    assert installed_version("xgboost") == installed_version("xgboost-cpu") is not None
