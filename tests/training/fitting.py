"""Small trainings without a project around them: composed, generated and fitted in this process."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checkouts import ROOT
from plait.config.compose import Project
from plait.config.registry import choices, family_of, module_of, settings_of
from plait.config.resolved import Resolved
from plait.data.base import SourceSettings
from plait.data.dataset import Dataset, read_part
from plait.data.folds import Folds, dividing, read_folds
from plait.data.write import write
from plait.models.trained import TrainedModel
from plait.pipeline.entry import StageFunction
from plait.pipeline.generate import generate
from plait.pipeline.pretrain import pretrain
from plait.proof.stage import proved
from plait.training.curves import write_curves
from plait.training.epoch_end import EpochOrder
from plait.training.fit import fit
from plait.workspace import Workspace
from warm.start import warm_python

EXPERIMENT_OF_TASK = {"regression": "diabetes", "classification": "wine"}

MODELS = [
    (choice, task)
    for choice in choices(ROOT / "conf", "model")
    for task in settings_of("model", choice).tasks  # type: ignore[attr-defined]
    if family_of(choice).takes == "columns"
]
"""Every model that takes columns, with every task that it declares."""

SMALL = {"catboost": ("model.rounds=20",), "tabm": ("model.members=4", "model.width=16")}
"""Values by which a choice is trained in a moment."""

CASES: dict[str, tuple[str, ...]] = {
    "dropout": (
        "breast_cancer",
        *("model.dropout=0.5", "trainer.max_epochs=4", "schedule=cosine", "data.split.val=0.2"),
    )
} | {
    f"{choice}_{task}": (
        EXPERIMENT_OF_TASK[task],
        f"model={choice}",
        "trainer.max_epochs=2",
        *SMALL.get(choice, ()),
    )
    for choice, task in MODELS
}
"""What is trained here and in another process, to be equal."""


@dataclass(frozen=True)
class Data:
    """A data set that was written and read again."""

    dataset: Dataset
    train: pd.DataFrame
    val: pd.DataFrame | None
    test: pd.DataFrame | None
    folds: Folds | None = None


@dataclass(frozen=True)
class Outcome:
    """What a training gave."""

    model: TrainedModel
    curves: list[dict[str, float]]
    data: Data

    def curve(self, key: str) -> list[float]:
        return [row[key] for row in self.curves]

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return {key: value.numpy() for key, value in self.model.fitted.state_dict().items()}


class Lab:
    """Composes experiments of a checkout, keeps their data, and fits them.

    :param folder: for data and checkpoints.
    """

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder, self.root = folder, root
        self.project = Project(root)
        self._data: dict[str, Data] = {}
        self._fits = 0

    def resolved(self, name: str, *overrides: str) -> Resolved:
        return self.project.compose(name, list(overrides))

    def data(self, resolved: Resolved) -> Data:
        key = json.dumps(resolved["data"], sort_keys=True)
        if key not in self._data:
            folder = self.folder / f"data{len(self._data)}"
            choice = resolved.choice("data")
            kind = settings_of("data", choice, SourceSettings)
            settings = kind(**resolved.settings("data"))
            source = module_of("data", choice).read(settings, self.root)
            dataset = write(source, choice, folder, dividing(settings))
            train = read_part(folder, "train")
            assert train is not None
            self._data[key] = Data(
                dataset,
                train,
                read_part(folder, "val"),
                read_part(folder, "test"),
                read_folds(folder),
            )
        return self._data[key]

    def fit(
        self,
        name: str,
        *overrides: str,
        checkpoints: Path | None = None,
        observe: Callable[[int, dict[str, float]], None] = lambda epoch, values: None,
    ) -> Outcome:
        resolved = self.resolved(name, *overrides)
        data = self.data(resolved)
        self._fits += 1
        model, curves = fit(
            resolved,
            data.dataset,
            data.train,
            data.val,
            checkpoints=checkpoints or self.folder / f"checkpoints{self._fits}",
            observe=observe,
            folds=data.folds,
        )
        return Outcome(model, curves, data)

    def fit_case(self, case: str, folder: Path) -> Outcome:
        """Fit one of `CASES`, and write model and curves as the stage does."""
        outcome = self.fit(*CASES[case])
        outcome.model.save(folder / case / "model")
        write_curves(folder / case / "curves.csv", outcome.curves)
        return outcome


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@dataclass(frozen=True)
class OtherProcess:
    """What another process made of `CASES`."""

    folder: Path
    output: str


STARTED: list[OtherProcess] = []
"""One for all folders of tests, each of which has the fixture."""


@pytest.fixture(scope="session")
def other_process(tmp_path_factory: pytest.TempPathFactory) -> OtherProcess:
    """Started with another number of threads and another order of sets."""
    if not STARTED:
        STARTED.append(start_other_process(tmp_path_factory))
    return STARTED[0]


def start_other_process(tmp_path_factory: pytest.TempPathFactory) -> OtherProcess:
    """Train `CASES` in it."""
    folder = tmp_path_factory.mktemp("other")
    result = in_other_process(
        "import sys\n"
        "from pathlib import Path\n"
        "from training.fitting import CASES, Lab\n"
        "lab = Lab(Path(sys.argv[1]))\n"
        "for case in CASES:\n"
        "    lab.fit_case(case, lab.folder)\n",
        str(folder),
        env={"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return OtherProcess(folder, result.stdout + result.stderr)


def in_other_process(
    code: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code that can import what lies beside this file.

    With other variables for the libraries it is a process of its own, else the warm server's.
    """
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.run(
        [warm_python(), "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": paths, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def leave_inputs(workspace: Workspace, resolved: Resolved) -> None:
    """What `train` takes of a composed experiment, left by the stages before it."""
    outputs, composed = workspace.outputs(resolved.name), workspace.resolved(resolved.name)
    stages: dict[str, StageFunction] = {"generate": generate, "pretrain": pretrain}
    for stage, function in stages.items():
        with proved(stage, workspace, resolved, outputs, composed):
            function(workspace, resolved.handed_to(stage), outputs)


def files_of(folder: Path) -> dict[str, bytes]:
    """The contents of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class CutOffError(Exception):
    """Ends a training as a kill would."""


@contextmanager
def cut_off(batches: int) -> Iterator[None]:
    """Within it, a training ends after so many batches."""
    count = iter(range(batches))

    def end(*arguments: Any) -> None:
        if next(count, None) is None:
            raise CutOffError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrder, "on_train_batch_start", end, raising=False)
        with pytest.raises(CutOffError):
            yield


def equal_weights(first: Outcome, second: Outcome) -> bool:
    """Bit for bit."""
    a, b = first.weights, second.weights
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def inputs_and_targets(outcome: Outcome, frame: Any) -> tuple[np.ndarray, np.ndarray]:
    """What the network is given, (rows, inputs), and what it learns, (rows,)."""
    preprocessor = outcome.model.preprocessor
    return preprocessor.transform(frame), preprocessor.target.encode(frame)
