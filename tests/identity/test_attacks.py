"""No number under a wrong identity, whatever is edited or killed while it is made."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checkouts import ROOT
from identity import hook
from identity.laboratory import environment_of
from identity.plans import NAMED, THROUGH_DVC, plan_of, way_of
from identity.project import CHANGES, Change
from identity.rebuilt import Run, differences

TOGETHER = ROOT / "tests" / "identity" / "together.py"

RUN = Run(
    name="run",
    identity="i",
    values={},
    belied=[],
    numbers={"test/mse": {"0": 0.25}, "train/loss": {"0": 1.0, "1": 0.5}, "cost/seconds": {"0": 9}},
    weights="w",
)
CLEAN: dict[str, Any] = {
    "numbers": {"test/mse": {"0": 0.25}, "train/loss": {"0": 1.0, "1": 0.5}},
    "weights": "w",
}


Fuzz = Callable[..., tuple[int | None, str]]
"""From the arguments of benchmarks/identity_fuzz.py to its exit status and what it said."""


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzz]:
    """All calls are made in one laboratory."""
    folder = tmp_path_factory.mktemp("fuzz")
    with subprocess.Popen(
        [sys.executable, str(TOGETHER)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as laboratory:
        asking, answers = laboratory.stdin, laboratory.stdout
        assert asking is not None
        assert answers is not None

        def call(*arguments: str) -> tuple[int | None, str]:
            said = folder / f"{len(list(folder.iterdir()))}.log"
            said.touch()
            asking.write(json.dumps([str(said), arguments]) + "\n")
            asking.flush()
            status = answers.readline()
            return int(status) if status else None, said.read_text(encoding="utf-8")

        yield call
        asking.close()


def test_a_seed_is_the_same_plan_each_time() -> None:
    for seed in range(40):
        assert plan_of(seed).to_json() == plan_of(seed).to_json()
    assert len({json.dumps(plan_of(seed).to_json()["steps"]) for seed in range(40)}) > 35


def test_of_500_seeds_50_go_through_real_dvc() -> None:
    ways = [way_of(seed) for seed in range(1, 501)]
    assert sum(way in THROUGH_DVC for way in ways) == 50
    assert {"run", "sweep", "repro", "exp"} == set(ways)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.path}: {change.old!r}")
def test_an_edit_finds_its_text(change: Change) -> None:
    """An edit that changes nothing would attack nothing."""
    path = ROOT / change.path
    if path.exists() and change.path != "params.yaml":
        text = path.read_text(encoding="utf-8")
        assert change.of(text) != text


def test_equal_numbers_and_weights_are_no_fault() -> None:
    assert differences(RUN, CLEAN) == []


@pytest.mark.parametrize(
    ("numbers", "weights"),
    [
        ({"test/mse": {"0": 0.25000000000000006}, "train/loss": {"0": 1.0, "1": 0.5}}, "w"),
        ({"test/mse": {"0": 0.25}, "train/loss": {"0": 1.0}}, "w"),
        ({"test/mse": {"0": 0.25}}, "w"),
        (CLEAN["numbers"] | {"val/loss": {"0": 1.0}}, "w"),
        (CLEAN["numbers"], "v"),
    ],
)
def test_one_number_that_differs_is_a_fault(numbers: dict[str, Any], weights: str) -> None:
    (told,) = differences(RUN, {"numbers": numbers, "weights": weights})
    assert "by its identity" in told


VICTIM = """
import json, os
for _ in range(3):
    with open("data.csv") as file:
        print(file.read())
import wave
os.replace("data.csv", "moved.csv")
print("not reached")
"""


def test_a_process_is_struck_at_the_point_that_was_named(tmp_path: Path) -> None:
    """Whatever PYTHONPATH says, by a line of the interpreter's own environment."""
    attack, tree = tmp_path / "attack", tmp_path / "tree"
    for folder in (attack / "done", attack / "files", tree / "plait" / "pipeline"):
        folder.mkdir(parents=True)
    for name in ("plait/__init__.py", "plait/pipeline/__init__.py"):
        (tree / name).touch()
    (tree / "plait/pipeline/train.py").write_text(VICTIM)
    (tree / "data.csv").write_text("base")
    (attack / "files" / "1").write_text("edit")

    def blow(
        number: int, kind: str, what: str, count: int, action: dict[str, Any]
    ) -> dict[str, Any]:
        point = {"role": "train", "kind": kind, "what": what, "count": count}
        return {"number": number, **point, "actions": [action]}

    write = {"path": "data.csv", "content": "1", "how": "place", "time": "keep", "tree": None}
    late = {"path": "late.csv", "content": "1", "how": "rename", "time": "now", "tree": None}
    blows = [
        blow(0, "read", "data.csv", 2, write),
        blow(1, "import", "wave", 1, late),
        blow(2, "rename", "moved.*", 1, {"kill": "SIGKILL"}),
    ]
    (attack / "blows.json").write_text(json.dumps(blows))
    before = (tree / "data.csv").stat().st_mtime_ns
    python, environment = environment_of(tmp_path)
    struck = subprocess.run(
        [str(python), "-m", "plait.pipeline.train"],
        cwd=tree,
        env=environment | {hook.PLAN: str(attack), "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert struck.returncode == -9, struck.stderr
    assert (tree / "data.csv").read_text() == "edit"
    assert (tree / "data.csv").stat().st_mtime_ns == before
    assert (tree / "late.csv").read_text() == "edit"
    assert sorted(path.name for path in (attack / "done").iterdir()) == ["0", "1", "2"]


@dataclass(frozen=True)
class Fought:
    told: dict[str, dict[str, Any]]
    said: str


PLANS = [
    pytest.param(name, marks=pytest.mark.slow if name.endswith(", run") else pytest.mark.nightly)
    for name in NAMED
]
"""CI fights those of `plait run`, the night those of every way to run."""


@pytest.fixture(scope="module")
def named(
    fuzz: Fuzz, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Fought:
    """The faults that there were."""
    report = tmp_path_factory.mktemp("named") / "report.jsonl"
    plans = "*" if request.config.getoption("--nightly") else "*, run"
    _, said = fuzz("--named", plans, "--report", str(report))
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    told = {entry["plan"]: entry for entry in map(json.loads, lines)}
    return Fought(told, said)


@pytest.mark.parametrize("name", PLANS)
def test_a_fault_that_there_was_is_none_any_more(named: Fought, name: str) -> None:
    assert name in named.told, named.said
    told = named.told[name]
    assert told["struck"] == told["planned"], "a point of the plan never came"
    assert told["wrong"] == []
    assert told["finished"] >= 1


@pytest.mark.parametrize("name", [plan for plan in PLANS if "dvc add" not in plan.values[0]])
def test_what_was_edited_meanwhile_is_refused_in_words(named: Fought, name: str) -> None:
    told = named.told[name]
    # DVC ends with a status of its own when a stage fails. Put back, all goes well.
    assert told["statuses"] == [255 if NAMED[name].way == "repro" else 1, 0]
    assert "was edited" in told["said"] or "was written while it was read" in told["said"]


@pytest.mark.slow
def test_the_fuzzer_finds_what_is_planted(fuzz: Fuzz) -> None:
    status, said = fuzz("--teeth")
    assert status == 0, said
    assert "MISSED" not in said


@pytest.mark.slow
def test_rounds_leave_no_number_under_a_wrong_identity(fuzz: Fuzz) -> None:
    """The first of those that the night fights."""
    status, said = fuzz("--rounds", "3")
    assert status == 0, said
    assert re.search(r"^3 rounds without a fault", said, re.MULTILINE)
