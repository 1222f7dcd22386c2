"""Invalidation is exact: for each edit, the stages that run again, and no others."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import ROOT, Checkout, copy_project
from plait.config.compose import Project
from plait.config.levels import flat
from plait.config.packages import read_lock
from plait.config.resolved import Resolved
from plait.pipeline.stages import GROUPS, STAGES
from plait.workspace import Workspace

LINEAR = "linear_regression"
SOLVED = "least_squares"
TABLE = "own_table"

SMALL: dict[str, object] = {"samples": 80}
EXPERIMENTS: dict[str, dict[str, object]] = {
    LINEAR: {
        "data": SMALL,
        "optimizer": {"lr": 0.01},
        "trainer": {"max_epochs": 2},
        "evaluation": {"resamples": 40},
    },
    SOLVED: {"data": SMALL, "evaluation": {"resamples": 40}},
    TABLE: {"evaluation": {"resamples": 40}},
}


def own_table(checkout: Checkout) -> None:
    """Add an experiment on a file of the user's."""
    rows = "".join(f"{x},{(x * 7) % 5},{2 * x + (x * 7) % 5}\n" for x in range(60))
    checkout.append("data/raw/own.csv", f"a,b,y\n{rows}")
    checkout.append(
        f"conf/experiment/{TABLE}.yaml",
        "# @package _global_\ndescription: A table of the user's own\n"
        "defaults:\n  - override /data: table\n  - override /model: least_squares\n"
        "data: {path: data/raw/own.csv, target: y}\n",
    )


def params(**changes: object) -> Callable[[Checkout], None]:
    """Set values of ``linear_regression`` in params.yaml, beside those that are set there."""

    def apply(checkout: Checkout) -> None:
        listed = yaml.safe_load((checkout.root / "params.yaml").read_text(encoding="utf-8"))
        given = listed["experiments"][LINEAR]
        for section, values in changes.items():
            beside = given.get(section, {}) if isinstance(values, dict) else {}
            given[section] = {**beside, **values} if isinstance(values, dict) else values
        checkout.list_experiments(listed["experiments"])

    return apply


def edit(path: str, old: str, new: str) -> Callable[[Checkout], None]:
    return lambda checkout: checkout.edit(path, old, new)


def append(path: str, text: str) -> Callable[[Checkout], None]:
    return lambda checkout: checkout.append(path, text)


def add_model(checkout: Checkout) -> None:
    checkout.append("conf/model/mine.yaml", "# Mine.\nbias: true\n")
    source = checkout.root / "src/plait/models/linear.py"
    checkout.append("src/plait/models/mine.py", source.read_text(encoding="utf-8"))


def new_version(package: str) -> Callable[[Checkout], None]:
    def apply(checkout: Checkout) -> None:
        lock = checkout.root / "requirements.lock"
        text = lock.read_text(encoding="utf-8")
        changed = re.sub(rf"(?m)^{package}==(\S+)", rf"{package}==\g<1>.post1", text)
        assert changed != text
        lock.write_text(changed, encoding="utf-8")

    return apply


def stages(experiment: str, *names: str) -> set[str]:
    return {f"{name}@{experiment}" for name in names}


FROM_TRAIN = ("train", "calibrate", "evaluate", "record")
NOTHING: set[str] = set()


@dataclass(frozen=True)
class Edit:
    """An edit, the stages that read what it changes, and those that follow from their outputs."""

    apply: Callable[[Checkout], None]
    read_by: set[str]
    follow: set[str] = field(default_factory=set)
    composes: bool = True


EDITS: dict[str, Edit] = {
    "a comment in conf/": Edit(append("conf/model/linear.yaml", "# a remark\n"), NOTHING),
    "a reordered key": Edit(
        edit("conf/optimizer/sgd.yaml", "lr: 0.01\nmomentum: 0.0\n", "momentum: 0.0\nlr: 0.01\n"),
        NOTHING,
    ),
    "a default that the experiment overrides": Edit(
        edit("conf/config.yaml", "max_epochs: 100", "max_epochs: 50"), NOTHING
    ),
    "the learning rate": Edit(
        params(optimizer={"lr": 0.02}),
        stages(LINEAR, "train", "record"),
        stages(LINEAR, "calibrate", "evaluate"),
    ),
    "the number of samples": Edit(
        params(data={"samples": 90}),
        stages(LINEAR, "generate", "record"),
        stages(LINEAR, "pretrain", "train", "calibrate", "evaluate"),
    ),
    "the seed": Edit(
        params(seed=7),
        stages(LINEAR, "train", "record"),
        stages(LINEAR, "calibrate", "evaluate"),
    ),
    "a plot setting": Edit(
        params(evaluation={"plots": {"dpi": 90}}), stages(LINEAR, "evaluate", "record")
    ),
    "the list of metrics": Edit(
        params(evaluation={"metrics": ["mae"]}), stages(LINEAR, "evaluate", "record")
    ),
    "the tracking URI": Edit(
        params(tracking={"choice": "server", "uri": "sqlite:///other.db"}),
        stages(LINEAR, "record"),
    ),
    "where it runs": Edit(
        params(trainer={"num_workers": 1, "accelerator": "cpu"}), stages(LINEAR, "record")
    ),
    "a comment in code": Edit(append("src/plait/models/linear.py", "# a remark\n"), NOTHING),
    "a docstring": Edit(
        edit("src/plait/models/linear.py", '"""``model: linear``."""', '"""A line."""'), NOTHING
    ),
    "a statement in the chosen model": Edit(
        append("src/plait/models/linear.py", "REMARK = 1\n"), stages(LINEAR, *FROM_TRAIN)
    ),
    "a statement in another model": Edit(
        append("src/plait/models/mlp.py", "REMARK = 1\n"), NOTHING
    ),
    "a statement in the evaluation": Edit(
        append("src/plait/evaluation/intervals.py", "REMARK = 1\n"),
        stages(LINEAR, "evaluate", "record")
        | stages(SOLVED, "evaluate", "record")
        | stages(TABLE, "evaluate", "record"),
    ),
    "a statement in a data source": Edit(
        append("src/plait/data/sources/synthetic.py", "REMARK = 1\n"),
        stages(LINEAR, "generate", "record") | stages(SOLVED, "generate", "record"),
    ),
    "a statement in the tracking": Edit(
        append("src/plait/tracking/record/record.py", "REMARK = 1\n"),
        stages(LINEAR, "record") | stages(SOLVED, "record") | stages(TABLE, "record"),
    ),
    "a template of the report": Edit(
        append("src/plait/evaluation/templates/page.html.j2", "<!-- a remark -->\n"),
        stages(LINEAR, "record") | stages(SOLVED, "record") | stages(TABLE, "record"),
    ),
    "a new model": Edit(add_model, NOTHING),
    "the user's data file": Edit(
        append("data/raw/own.csv", "60,1,119\n"),
        stages(TABLE, "generate", "record"),
        stages(TABLE, "pretrain", "train", "calibrate", "evaluate"),
    ),
    "the version of torch in the lock": Edit(new_version("torch"), stages(LINEAR, *FROM_TRAIN)),
    "the version of scikit-learn in the lock": Edit(
        new_version("scikit-learn"),
        stages(SOLVED, *FROM_TRAIN)
        | stages(TABLE, *FROM_TRAIN)
        | stages(LINEAR, "evaluate", "record"),
    ),
    "the version of ruff in the lock": Edit(new_version("ruff"), NOTHING),
    "the README": Edit(append("README.md", "A line.\n"), NOTHING, composes=False),
}


def listed(checkout: Checkout) -> Checkout:
    own_table(checkout)
    checkout.list_experiments(dict(EXPERIMENTS))
    return checkout


def what_each_stage_reads(checkout: Checkout) -> dict[str, dict[str, object]]:
    """By stage and experiment, every value that DVC compares."""
    read_lock.cache_clear()
    project = Project(checkout.root)
    return {
        f"{stage}@{name}": {
            leaf: value for key in STAGES[stage].keys for leaf, value in flat({key: resolved[key]})
        }
        for name, resolved in project.compose_all().items()
        for stage in STAGES
    }


@pytest.mark.parametrize("case", EDITS)
def test_the_values_read_change_for_just_these_stages(checkout: Checkout, case: str) -> None:
    before = what_each_stage_reads(listed(checkout))
    EDITS[case].apply(checkout)
    after = what_each_stage_reads(checkout)
    assert {stage for stage in before if before[stage] != after[stage]} == EDITS[case].read_by


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def together() -> dict[str, list[Edit]]:
    """The edits that are made at once: of those that nothing reads, one repro shows it."""
    unread = [change for change in EDITS.values() if not change.read_by and change.composes]
    rest = {case: [change] for case, change in EDITS.items() if change not in unread}
    return {"what nothing reads": unread, **rest}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """All that there is to run has run, and is committed."""
    checkout = listed(copy_project(tmp_path_factory.mktemp("table") / "project"))
    every = {f"{stage}@{name}" for name in EXPERIMENTS for stage in STAGES}
    assert ran(checkout.run("dvc", "repro").stdout) == {"compose"} | every
    assert ran(checkout.run("dvc", "repro").stdout) == set()
    checkout.commit()
    return checkout


@pytest.mark.slow
@pytest.mark.parametrize("case", together())
def test_dvc_runs_just_these_stages(rebuilt: Checkout, case: str) -> None:
    """Each edit is made on top of the others, which have run."""
    changes = together()[case]
    try:
        for change in changes:
            change.apply(rebuilt)
        if "in the lock" in case:
            # What is not installed is not run: it would be recorded under a false version.
            refused = rebuilt.run("dvc", "repro", check=False)
            assert "is installed, but requirements.lock says" in refused.stderr
            rebuilt.run("git", "checkout", "--quiet", ".")
            return
        expected = {"compose"} if changes[0].composes else set()
        expected = expected.union(*(change.read_by | change.follow for change in changes))
        assert ran(rebuilt.run("dvc", "repro").stdout) == expected
        rebuilt.commit(case)
    except Exception:
        # What comes next begins with what had run.
        rebuilt.run("git", "checkout", "--quiet", ".")
        rebuilt.run("git", "clean", "--quiet", "-fd")
        rebuilt.run("dvc", "repro")
        raise


def test_dvc_runs_the_stages_of_the_table() -> None:
    """``dvc.yaml`` says of each stage what `plait.pipeline.stages` says."""
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(pipeline) == ["compose", *STAGES]
    workspace = Workspace.at(ROOT)
    outputs = workspace.outputs("${key}")

    def shown(paths: Iterable[Path]) -> set[str]:
        return {path.relative_to(ROOT).as_posix() for path in paths}

    def named(entry: dict[str, Any], *sections: str) -> set[str]:
        listed = [each for section in sections for each in entry.get(section, [])]
        return {path for each in listed for path in ([each] if isinstance(each, str) else each)}

    for name, stage in STAGES.items():
        entry = pipeline[name]["do"]
        assert entry["cmd"] == f"PYTHONPATH=$PWD/src python -m plait.pipeline.{name} ${{key}}"
        (keys,) = entry["params"]
        assert set(keys.pop("resolved/${key}.yaml")) == set(stage.keys)
        assert not keys
        assert named(entry, "deps") == shown(outputs.taken_by(name).values())
        assert named(entry, "outs", "plots", "metrics") == shown(workspace.left_by("${key}", name))


def test_the_table_of_stages_holds_together() -> None:
    left: set[str] = set()
    for stage in STAGES.values():
        assert set(stage.inputs) <= left, f"{stage.name} reads what no stage before it leaves"
        left |= {output.name for output in stage.outputs}
    assert len(STAGES) <= 7
    for groups in (stage.loads for stage in STAGES.values()):
        assert set(groups) <= GROUPS.keys()


def test_a_stage_cannot_read_what_it_does_not_name() -> None:
    values = {"optimizer": {"choice": "sgd", "lr": 1.0}, "evaluation": {"confidence_level": 0.9}}
    assert Resolved(values).handed_to("train")["optimizer.lr"] == 1.0
    with pytest.raises(AssertionError, match="stage train reads evaluation"):
        Resolved(values).handed_to("train")["evaluation"]
    with pytest.raises(AssertionError, match=r"stage generate reads optimizer"):
        Resolved(values).handed_to("generate").settings("optimizer")
