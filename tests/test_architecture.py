"""The rules of the design, read from the code; each planted violation is found."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import yaml
from packaging.requirements import Requirement

from bare import import_names, required
from checkouts import ROOT, Checkout, copy_project
from finetuning.tiny import write_experiment
from plait.config.check import Root
from plait.config.closure import Code
from plait.config.compose import Project
from plait.config.extras import LEAVES, extra_of
from plait.config.levels import read_yaml
from plait.config.registry import SECTIONS, choices, section_settings, settings_of
from plait.pipeline.stages import GROUPS, STAGES
from plait.public import PUBLIC
from plait.settings import Settings
from plait.sweeps.pruning import Hyperband, Median, SuccessiveHalving
from plait.sweeps.search import SearchSettings
from plait.tasks.registry import TASKS
from shipped import SHIPPED

SRC = ROOT / "src"

ROOMS = (
    *(
        "public",
        "json_types",
        "terminal",
        "errors",
        "digests",
        "signals",
        "garbage_collection",
        "forkserver",
        "settings",
        "tasks",
        "pipeline.stages",
        "workspace",
        "artifacts",
        "locks",
        "state",
        "contents",
        "loaded",
        "config",
        "proof",
        "data",
        "finetuning",
        "models",
        "calibration",
        "augmentation",
        "objectives",
        "training",
        "pretraining",
    ),
    *("evaluation", "tasks.evaluation", "tracking", "pipeline", "sweeps", "runs", "tables", "cli"),
)
"""From upstream to downstream."""

NOT_OFFERED = {"plait.models.masked_lm", "plait.objectives.masked_lm_loss"}
"""Choices that `plait.pretraining.domain` makes; nobody else can."""

FORBIDDEN_NAMES = {"utils", "util", "common", "misc", "helpers", "helper"}

RUN = {"info", "data", "inputs", "outputs"}
"""Attributes of MLflow's runs, and of none of plait's."""

PARTS_OF_DATA = {"metrics", "params", "tags"}

LONGEST_FUNCTION, LONGEST_MODULE = 60, 350
"""Lines."""

HEAVY = {
    *("torch", "lightning", "mlflow", "sklearn", "pandas", "numpy", "matplotlib", "pyarrow"),
    *("pandera", "scipy", "skops", "hydra", "omegaconf", "transformers", "peft", "datasets"),
}


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def module_named(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def modules(src: Path) -> dict[str, ast.Module]:
    return {
        module_named(path.relative_to(src)): parsed(path.read_text(encoding="utf-8"))
        for path in sorted(src.rglob("*.py"))
    }


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room_of(module: str) -> str | None:
    """The table of stages stands by itself: everything that depends on the stages derives from it,
    while the stages run what all the rooms do. How a task is measured builds on evaluation, while
    what it is comes before the data.
    """
    if module.startswith("plait.pipeline.stages"):
        return "pipeline.stages"
    if re.match(r"plait\.tasks\.\w+\.evaluation", module):
        return "tasks.evaluation"
    parts = module.split(".")
    return parts[1] if parts[0] == "plait" and len(parts) > 1 else None


def upstream_violations(src: Path) -> list[str]:
    """Imports against the stream of rooms."""
    found = []
    for name, tree in modules(src).items():
        room = room_of(name)
        if room is None:
            continue
        for target in imported(tree):
            other = room_of(target)
            if other is not None and ROOMS.index(other) > ROOMS.index(room):
                found.append(f"{name} imports {target}")
    return found


def circles(src: Path) -> list[list[str]]:
    """Modules that import each other, in functions and for type checking too."""
    trees = modules(src)
    graph: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[name] |= named & trees.keys()
                # What is imported is no module: then it is of the one that it is imported from.
                if node.module in trees and not named <= trees.keys():
                    graph[name].add(node.module)
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & trees.keys()
    found = []
    # What has nothing left to import, or is imported by nothing left, lies on no circle.
    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in leaves:
            del graph[name]
    while roots := graph.keys() - {target for targets in graph.values() for target in targets}:
        for name in roots:
            del graph[name]
    if graph:
        found.append(sorted(graph))
    return found


def brought_into(tree: ast.Module, known: frozenset[str]) -> set[str]:
    """Of the modules ``known``, those that are imported, in functions and for type checking too."""
    named = set(imported(tree)) | {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return named & known


def modules_known(src: Path) -> frozenset[str]:
    return frozenset(module_named(path.relative_to(src)) for path in src.rglob("*.py"))


@cache
def included(extra: str) -> frozenset[str]:
    """An extra and those that it includes, as ``pyproject.toml`` says."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["project"]["optional-dependencies"][extra]
    own = [Requirement(each) for each in listed]
    within = [
        each for requirement in own if requirement.name == "plait" for each in requirement.extras
    ]
    return frozenset({extra}).union(*map(included, within))


def leaves_imported(src: Path) -> list[str]:
    """Imports of a module behind an extra by one whose own extra does not include that."""
    known = modules_known(src)
    return [
        f"{name} imports {target}"
        for name, tree in modules(src).items()
        for target in sorted(brought_into(tree, known))
        if (extra := extra_of(target)) is not None
        and not ((own := extra_of(name)) and extra in included(own))
    ]


@cache
def installed_with(extra: str | None) -> frozenset[str]:
    """What can be imported once plait is installed, with an extra or without."""
    brought = required("plait" if extra is None else f"plait[{extra}]")
    return frozenset().union(*map(import_names, brought.values()))


def packages_not_brought(src: Path) -> list[str]:
    """Imports of packages that come with no installation of plait, or with another extra alone."""
    return [
        f"{name} imports {package}"
        for name, tree in modules(src).items()
        for package in sorted({target.partition(".")[0] for target in imported(tree)})
        if package not in {"", "plait", *sys.stdlib_module_names, *installed_with(extra_of(name))}
    ]


def mlflow_violations(src: Path) -> list[str]:
    return [
        name
        for name, tree in modules(src).items()
        if any(target.partition(".")[0] == "mlflow" for target in imported(tree))
        and room_of(name) != "tracking"
    ]


def hashing_elsewhere(src: Path) -> list[str]:
    """Modules that hash by themselves; what names contents stands in `plait.digests`."""
    return [
        name
        for name, tree in modules(src).items()
        if "hashlib" in imported(tree) and name != "plait.digests"
    ]


def texts_of_paths(tree: ast.AST) -> Iterator[str]:
    """The literal parts of which paths are put together."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if called in ("Path", "joinpath", "glob", "rglob", "with_name", "open"):
                parts = node.args
        for part in parts:
            first = part.values[0] if isinstance(part, ast.JoinedStr) and part.values else part
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def named_by_the_workspace(src: Path) -> set[str]:
    """The files and folders that `plait.workspace` names: its constants, and what it adds."""
    tree = modules(src)["plait.workspace"]
    constants = [
        each.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for each in ast.walk(node.value)
        if isinstance(each, ast.Constant)
    ]
    # The package's own name means no place of a project.
    return {text for text in (*constants, *texts_of_paths(tree)) if "*" not in text} - {"plait"}


def paths_spelled_elsewhere(src: Path) -> list[str]:
    """Paths that other modules put together of names that the workspace has given."""
    named = named_by_the_workspace(src)
    return [
        f"{name}: {text}"
        for name, tree in modules(src).items()
        if name != "plait.workspace"
        for text in texts_of_paths(tree)
        if text in named or any(text.startswith(f"{each}/") for each in named)
    ]


def public_face_within(src: Path) -> list[str]:
    """Modules of the package that import by its public face, not from where a name is defined.

    Choices and metrics may, as CONTRIBUTING shows to those who add their own.
    """
    open_to_all = {group.package for group in GROUPS.values()} | {"plait.evaluation.metrics"}
    return [
        f"{name}: {alias.name}"
        for name, tree in modules(src).items()
        if name.rpartition(".")[0] not in open_to_all
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "plait"
        for alias in node.names
        if alias.name in PUBLIC
    ]


def mlflow_objects(src: Path) -> list[str]:
    """Where another room than tracking looks into what MLflow made: into a run, or a client."""
    found = []
    for name, tree in modules(src).items():
        if room_of(name) == "tracking":
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            parent = node.value
            of_run = isinstance(parent, ast.Attribute) and (
                parent.attr == "info" or (parent.attr == "data" and node.attr in PARTS_OF_DATA)
            )
            held = isinstance(parent, ast.Name) and "run" in parent.id and node.attr in RUN
            if node.attr == "client" or of_run or held:
                found.append(f"{name}:{node.lineno}")
    return found


def named_badly(src: Path) -> list[str]:
    return [name for name in modules(src) if FORBIDDEN_NAMES & set(name.split("."))]


def hasattr_calls(src: Path) -> list[str]:
    return [
        f"{name}:{node.lineno}"
        for name, tree in modules(src).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hasattr"
    ]


def compared_tasks(src: Path) -> list[str]:
    """Comparisons with a task's name: what differs by task is said by its object."""

    def names(node: ast.expr) -> set[object]:
        return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}

    return [
        f"{name}:{node.lineno}"
        for name, tree in modules(src).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(names(side) & set(TASKS) for side in (node.left, *node.comparators))
    ]


def broken_pairs(root: Path) -> list[str]:
    """YAML files of ``conf/`` that are not the values of a settings class, key by key."""
    faults = []
    for group, definition in GROUPS.items():
        for choice in choices(root / "conf", group):
            module = Code(root / "src").path(f"{definition.package}.{choice}")
            if module is None:
                faults.append(
                    f"conf/{group}/{choice}.yaml has no module {definition.package}.{choice}"
                )
                continue
            values = read_yaml(root / "conf" / group / f"{choice}.yaml")
            faults += keys_that_differ(
                f"{group}/{choice}",
                values[choice] if definition.several else values,
                settings_of(group, choice),
            )
    config = read_yaml(root / "conf" / "config.yaml")
    for section in SECTIONS:
        faults += keys_that_differ(section, config[section], section_settings(section))
    return faults


def keys_that_differ(name: str, values: dict[str, object], cls: type[Settings]) -> list[str]:
    differing = sorted(values.keys() ^ cls.model_fields.keys())
    return [f"{name}: {key}" for key in differing]


def modules_without_values(root: Path) -> list[str]:
    """Modules of choices that ``conf/`` does not offer."""
    found = []
    for group, definition in GROUPS.items():
        folder = root.joinpath("src", *definition.package.split("."))
        offered = choices(root / "conf", group)
        for path in sorted(folder.glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
            module = f"{definition.package}.{path.stem}"
            if "Settings" in classes and path.stem not in offered and module not in NOT_OFFERED:
                found.append(module)
    return found


def targets_in_conf(root: Path) -> list[str]:
    return [str(path) for path in (root / "conf").rglob("*.yaml") if "_target_" in path.read_text()]


def settings_with_defaults() -> list[str]:
    """Fields whose value would have a second home."""
    classes = {
        f"{group}/{choice}": settings_of(group, choice)
        for group in GROUPS
        for choice in choices(ROOT / "conf", group)
    } | {section: section_settings(section) for section in SECTIONS}
    return [
        f"{name}: {field}"
        for name, cls in classes.items()
        for field, info in cls.model_fields.items()
        if not info.is_required()
    ]


def functions_too_long(src: Path) -> list[str]:
    """Functions of more lines than `LONGEST_FUNCTION`, their docstrings counted."""
    return [
        f"{name}: {node.name}"
        for name, tree in modules(src).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]


def modules_too_long(src: Path) -> list[str]:
    return [
        str(path.relative_to(src))
        for path in sorted(src.rglob("*.py"))
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE
    ]


def rooms_without_a_place(src: Path) -> list[str]:
    rooms = {path.stem for path in (src / "plait").iterdir() if not path.name.startswith("__")}
    return sorted(rooms ^ {room for room in ROOMS if "." not in room})


def experiments_too_large(root: Path) -> list[str]:
    """Shipped experiments of more than 20 lines, or without a line of description."""
    found = []
    for name in SHIPPED:
        path = root / "conf" / "experiment" / f"{name}.yaml"
        described = 10 < len(read_yaml(path)["description"]) < 100
        if len(path.read_text(encoding="utf-8").splitlines()) > 20 or not described:
            found.append(name)
    return found


def heavy_imports(root: Path) -> list[str]:
    """Heavy packages that the command line, the list of options and composing import."""
    code = (
        "import sys; from pathlib import Path; from plait.config.compose import Project\n"
        "import plait.cli, plait.config.options\n"
        f"print(*({HEAVY!r} & set(sys.modules)))\n"
        "Project(Path('.')).compose_all()\n"
        f"print(*({HEAVY - {'hydra', 'omegaconf'}!r} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(set(result.stdout.split()))


def test_rooms_import_from_upstream_only() -> None:
    assert upstream_violations(SRC) == []


def test_what_needs_an_extra_is_imported_by_its_like_alone() -> None:
    """The core finds such modules by the names of choices, families, launchers and sweepers."""
    assert leaves_imported(SRC) == []


def test_every_leaf_is_there() -> None:
    for leaves in LEAVES.values():
        assert set(leaves) <= modules_known(SRC)


@pytest.mark.slow
def test_every_package_comes_with_the_installation_or_the_own_extra() -> None:
    assert packages_not_brought(SRC) == []


def test_functions_and_modules_are_short() -> None:
    assert functions_too_long(SRC) == []
    assert modules_too_long(SRC) == []


def test_no_modules_import_each_other() -> None:
    assert circles(SRC) == []


def test_every_room_has_its_place_in_the_stream() -> None:
    assert rooms_without_a_place(SRC) == []


def test_one_room_imports_mlflow() -> None:
    assert mlflow_violations(SRC) == []


def test_digests_are_made_in_one_place() -> None:
    assert hashing_elsewhere(SRC) == []


def test_every_path_of_a_project_is_named_in_one_place() -> None:
    assert len(named_by_the_workspace(SRC)) > 30
    assert paths_spelled_elsewhere(SRC) == []


def test_the_public_face_is_for_others() -> None:
    assert public_face_within(SRC) == []


def test_one_room_looks_into_what_mlflow_makes() -> None:
    assert mlflow_objects(SRC) == []


def test_no_room_is_a_drawer() -> None:
    assert named_badly(SRC) == []


def test_nothing_asks_for_attributes_by_name() -> None:
    assert hasattr_calls(SRC) == []


def test_no_task_is_asked_for_by_its_name() -> None:
    assert compared_tasks(SRC) == []


def test_every_pair_is_whole() -> None:
    assert broken_pairs(ROOT) == []
    assert modules_without_values(ROOT) == []


def test_values_have_one_home() -> None:
    assert targets_in_conf(ROOT) == []
    assert settings_with_defaults() == []


def described(cls: type[Settings], where: str) -> Iterator[tuple[str, str]]:
    """The fields of a settings class and of those below it, with what is said of them."""
    for name, field in cls.model_fields.items():
        yield f"{where}: {name}", field.description or ""
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, Settings):
                yield from described(part, f"{where}.{name}")


NO_NOUN = {
    *("of", "by", "as", "in", "at", "to", "from", "on", "under", "into", "with", "for", "before"),
    *("after", "between", "around", "over", "along", "what", "how", "that", "which", "where"),
    *("the", "a", "an", "its", "added", "stop", "print", "train", "learn", "compute"),
}
"""Words with which no noun phrase that stands by itself begins."""


def test_every_field_is_described_by_a_noun_phrase() -> None:
    classes = {
        f"{group}/{choice}": settings_of(group, choice)
        for group in GROUPS
        for choice in choices(ROOT / "conf", group)
    } | {section: section_settings(section) for section in SECTIONS}
    for engine in ("basic", "joblib", "slurm", "ray"):
        classes[engine] = import_module(f"plait.sweeps.engines.{engine}").Settings
    for cls in (SearchSettings, Median, SuccessiveHalving, Hyperband):
        classes[cls.__name__] = cls
    fields = [
        found for name, cls in {**classes, "": Root}.items() for found in described(cls, name)
    ]
    assert len(fields) > 250
    for where, text in fields:
        assert text, where
        assert text.split()[0].strip(",;:") not in NO_NOUN, f"{where}: {text}"


def test_experiments_are_small_deltas_with_a_line_of_description() -> None:
    assert experiments_too_large(ROOT) == []


@pytest.mark.slow
def test_heavy_imports_sit_inside_functions() -> None:
    """Of the modules that composing imports, none imports a heavy package at its top."""
    assert heavy_imports(ROOT) == []


PLANTED = {
    "an import against the stream": (
        "src/plait/data/splits.py",
        "import plait.training.settings\n",
        lambda root: upstream_violations(root / "src"),
    ),
    "a circle": (
        "src/plait/training/job.py",
        "def late() -> None:\n    import plait.training.fit\n",
        lambda root: circles(root / "src"),
    ),
    "a leaf's module from outside": (
        "src/plait/training/batches.py",
        "def late() -> None:\n    from plait.models import pretrained\n",
        lambda root: leaves_imported(root / "src"),
    ),
    "a leaf's module from another leaf": (
        "src/plait/data/sources/hub.py",
        "if TYPE_CHECKING:\n    from plait.data.tokens import Tokens\n",
        lambda root: leaves_imported(root / "src"),
    ),
    "an extra's package outside its leaf": (
        "src/plait/training/batches.py",
        "def late() -> None:\n    import transformers\n",
        lambda root: packages_not_brought(root / "src"),
    ),
    "a package that nothing brings": (
        "src/plait/finetuning/lora.py",
        "import optuna\n",
        lambda root: packages_not_brought(root / "src"),
    ),
    "a function of 61 lines": (
        "src/plait/digests.py",
        "def long() -> None:\n" + "    print()\n" * 60,
        lambda root: functions_too_long(root / "src"),
    ),
    "a module of more than 350 lines": (
        "src/plait/digests.py",
        "# a line\n" * 350,
        lambda root: modules_too_long(root / "src"),
    ),
    "mlflow in another room": (
        "src/plait/training/module.py",
        "import mlflow\n",
        lambda root: mlflow_violations(root / "src"),
    ),
    "a digest of its own": (
        "src/plait/models/linear.py",
        "import hashlib\n",
        lambda root: hashing_elsewhere(root / "src"),
    ),
    "a path spelled in place": (
        "src/plait/models/linear.py",
        "from pathlib import Path\nPLACE = Path('.') / 'outputs' / 'mine'\n",
        lambda root: paths_spelled_elsewhere(root / "src"),
    ),
    "an import by the public face": (
        "src/plait/training/fit.py",
        "from plait import setting\n",
        lambda root: public_face_within(root / "src"),
    ),
    "a run of MLflow's in another room": (
        "src/plait/sweeps/metric.py",
        "def status(found: Any) -> str:\n    return found.info.status\n",
        lambda root: mlflow_objects(root / "src"),
    ),
    "metrics of a run of MLflow's": (
        "src/plait/runs/promote/champion.py",
        "def metrics(store: Any, run_id: str) -> Any:\n    return of(store, run_id).data.metrics\n",
        lambda root: mlflow_objects(root / "src"),
    ),
    "a part of a run of MLflow's by another name": (
        "src/plait/sweeps/results.py",
        "def values(run: Any) -> Any:\n    data = run.data\n    return data.metrics\n",
        lambda root: mlflow_objects(root / "src"),
    ),
    "MLflow's client in another room": (
        "src/plait/runs/promote/promote.py",
        "def client(store: Any) -> Any:\n    return store.client\n",
        lambda root: mlflow_objects(root / "src"),
    ),
    "a room called utils": (
        "src/plait/utils.py",
        "X = 1\n",
        lambda root: named_badly(root / "src"),
    ),
    "a task's name": (
        "src/plait/models/linear.py",
        "def f(task: str) -> bool:\n    return task in ('regression',)\n",
        lambda root: compared_tasks(root / "src"),
    ),
    "hasattr": (
        "src/plait/models/linear.py",
        "Y = hasattr(Settings, 'bias')\n",
        lambda root: hasattr_calls(root / "src"),
    ),
    "values without a module": ("conf/model/mine.yaml", "a: 1\n", broken_pairs),
    "a value without a field": ("conf/model/mlp.yaml", "depth: 3\n", broken_pairs),
    "a module without values": (
        "src/plait/models/mine.py",
        "class Settings:\n    pass\n",
        modules_without_values,
    ),
    "a heavy import at the top": (
        "src/plait/config/files.py",
        "import pyarrow\n",
        lambda root: [name for name in heavy_imports(root) if name == "pyarrow"],
    ),
    "a room without a place": (
        "src/plait/attic.py",
        "X = 1\n",
        lambda root: rooms_without_a_place(root / "src"),
    ),
    "an experiment that is no small delta": (
        "conf/experiment/wine.yaml",
        "# a line\n" * 20,
        experiments_too_large,
    ),
    "a _target_": ("conf/model/mlp.yaml", "_target_: plait.models.mlp\n", targets_in_conf),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_violation_is_found(checkout: Checkout, case: str) -> None:
    path, text, check = PLANTED[case]
    assert check(checkout.root) == []
    checkout.append(path, text)
    assert len(check(checkout.root)) == 1


TRACE = """
import json, os, runpy, sys
stage, name = sys.argv[1:]
opened = set()
def hook(event, given):
    if event == "open" and isinstance(given[0], str | bytes | os.PathLike):
        opened.add(os.path.abspath(os.fsdecode(given[0])))
sys.addaudithook(hook)
sys.argv = [stage, name]
try:
    runpy.run_module(f"plait.pipeline.{stage}", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
with open(f"imported-{stage}-{name}.json", "w") as file:
    modules = sorted(m for m in sys.modules if m.split(".")[0] == "plait")
    packages = sorted({m.split(".")[0] for m in sys.modules})
    json.dump([modules, packages, sorted(opened)], file)
"""

COMPOSING = {"hydra", "omegaconf"}

NEEDLESS: dict[str, dict[str, set[str]]] = {
    "network": {
        "generate": HEAVY - {"numpy", "pandas", "pandera", "pyarrow"},
        "pretrain": HEAVY,
        "train": {"sklearn", "skops", "hydra", "pandera", "peft", "datasets"},
        "calibrate": HEAVY,
        "evaluate": HEAVY - {"torch", "numpy", "pandas", "matplotlib", "pyarrow"},
        "record": {"lightning", "matplotlib", "skops", "peft", "datasets", *COMPOSING},
    },
    "estimator": {
        # The source, scikit-learn's own, needs it.
        "generate": HEAVY - {"numpy", "pandas", "pandera", "pyarrow", "sklearn", "scipy"},
        "pretrain": HEAVY,
        "train": {"torch", "lightning", "matplotlib", "transformers", "pandera", *COMPOSING},
        "calibrate": HEAVY,
        "evaluate": {"torch", "lightning", "mlflow", "transformers", "pandera", *COMPOSING},
        "record": {"torch", "lightning", "matplotlib", "transformers", "peft", *COMPOSING},
    },
}
"""By kind of model and stage, packages whose import would be waited for in vain."""


def undeclared(root: Path, opened: list[str], name: str, declared: list[str]) -> list[str]:
    """Of the files that a stage has opened, those of the project that nothing accounts for.

    Beside what DVC knows to be read, a stage opens its own code, which is proved as it is loaded,
    and what plait keeps and computes no number from.
    """
    known = (
        *("src/plait/", "resolved/", "mlruns/", ".plait/", "dvc.lock", "requirements.lock"),
        *(f"data/generated/{name}", f"results/{name}/", "imported-", ".git/", "src/hydra_plugins/"),
        *declared,
    )
    inside = [path for path in opened if path.startswith(f"{root}/")]
    return [
        path
        for path in inside
        if not path.removeprefix(f"{root}/").startswith(known) and Path(path).is_file()
    ]


@pytest.mark.slow
def test_a_stage_imports_what_lies_within_its_closure_and_nothing_in_vain(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    checkout = copy_project(tmp_path_factory.mktemp("closure") / "project")
    write_experiment(checkout.root)
    fast: dict[str, object] = {"evaluation": {"resamples": 20, "plots": {"draw": True}}}
    kinds = {"linear_regression": "network", "wine": "estimator"}
    checkout.list_experiments(
        {
            "linear_regression": {**fast, "trainer": {"max_steps": 2}},
            "market_direction": {**fast, "trainer": {"max_steps": 2}},
            "wine": {**fast, "model": "gradient_boosting"},
            "tiny": {"pretraining": {"choice": "domain", "epochs": 1, "max_length": 24}, **fast},
        }
    )
    checkout.plait("compose")
    # Else the patch that is kept with a run reads what is not committed.
    checkout.commit()
    project = Project(checkout.root)
    for name, resolved in project.compose_all().items():
        for stage, entry in STAGES.items():
            # What a warm process has imported already would be taken for the stage's.
            python = sys.executable if name in kinds else "python"
            checkout.run(
                *(python, "-c", TRACE, stage, name),
                env={"PYTHONPATH": str(checkout.root / "src")},
            )
            path = checkout.root / f"imported-{stage}-{name}.json"
            really, packages, opened = json.loads(path.read_text(encoding="utf-8"))
            if name in kinds:
                needless = NEEDLESS[kinds[name]][stage].intersection(packages)
                assert needless == set(), (stage, name)
            assert undeclared(checkout.root, opened, name, list(resolved.user_files)) == []
            reached = project.code.closure(entry, resolved).modules
            observers = entry.observers
            # What only the observers import is theirs.
            watching = [module for module in really if observers and module.startswith(observers)]
            theirs = project.code.reach(watching).modules
            outside = [m for m in really if m not in reached and m not in theirs]
            assert outside == [], (stage, name)
            assert f"plait.pipeline.{stage}" in reached


@pytest.mark.slow
def test_observers_change_no_number(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Training without any tracking leaves the same bytes."""
    checkout = copy_project(tmp_path_factory.mktemp("observers") / "project")
    checkout.list_experiments({"market": {"trainer": {"max_epochs": 2}}})
    checkout.plait("compose")
    env = {"PYTHONPATH": str(checkout.root / "src")}
    for earlier in ("generate", "pretrain"):
        checkout.run("python", "-m", f"plait.pipeline.{earlier}", "market", env=env)
    checkout.run("python", "-m", "plait.pipeline.train", "market", env=env)
    folder = checkout.root / "results" / "market"
    watched = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code = (
        "import contextlib, sys, types\n"
        "live = types.ModuleType('plait.tracking.live.live')\n"
        "class LiveRun(contextlib.nullcontext):\n"
        "    def __init__(self, *arguments): super().__init__(self)\n"
        "    def epoch(self, step, values): pass\n"
        "live.LiveRun = LiveRun\n"
        "sys.modules['plait.tracking.live.live'] = live\n"
        "import runpy; sys.argv = ['train', 'market']\n"
        "runpy.run_module('plait.pipeline.train', run_name='__main__')\n"
    )
    checkout.run("python", "-c", code, env=env)
    assert {path: path.read_bytes() for path in watched} == watched
    assert any(path.name == "weights.safetensors" for path in watched)


def test_ci_and_make_agree() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make test SLOW=1" in ci
    for target in ("lint", "test"):
        assert f"make {target}" in ci
        assert f"\n{target}:" in makefile


def test_vscode_launches_every_stage() -> None:
    text = (ROOT / ".vscode" / "launch.json").read_text(encoding="utf-8")
    launch = yaml.safe_load("\n".join(line for line in text.splitlines() if "//" not in line))
    launched = {configuration["module"] for configuration in launch["configurations"]}
    assert launched == {"plait.pipeline.compose", "plait.pipeline.${input:stage}"}
