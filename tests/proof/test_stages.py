"""A stage records a number only of what its identity names; what differs is refused by name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.config.compose import Project, write_resolved
from plait.config.resolved import Resolved
from plait.data import decoding, reading
from plait.errors import UserError
from plait.pipeline.calibrate import calibrate
from plait.pipeline.compose import compose
from plait.pipeline.entry import StageFunction
from plait.pipeline.evaluate import evaluate
from plait.pipeline.generate import generate
from plait.pipeline.pretrain import pretrain
from plait.pipeline.record import record
from plait.pipeline.train import train
from plait.proof.refusal import Unproved
from plait.proof.stage import STALE, proved
from plait.tracking.store.store import open_store
from plait.workspace import Workspace

STAGES: dict[str, StageFunction] = {
    "generate": generate,
    "pretrain": pretrain,
    "train": train,
    "calibrate": calibrate,
    "evaluate": evaluate,
    "record": record,
}

EXPERIMENT = """\
# @package _global_
description: A line through sixty points of a table
defaults:
  - override /data: table
  - override /model: least_squares
data:
  path: data/raw/line.csv
  target: y
  task: regression
  split: {by: random, val: 0.2, test: 0.25}
"""


def table(slope: int) -> str:
    rows = "".join(f"{x},{slope * x + x % 7}\n" for x in range(10, 70))
    return f"x,y\n{rows}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkout = copy_project(tmp_path_factory.mktemp("template") / "project")
    (checkout.root / "conf" / "experiment" / "line.yaml").write_text(EXPERIMENT)
    (checkout.root / "data" / "raw" / "line.csv").write_text(table(2))
    checkout.list_experiments({"line": {}})
    compose(checkout.root)
    return checkout.root


class Line:
    """The experiment ``line`` in a checkout of its own, stage by stage in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace.at(root)
        self.outputs = self.workspace.outputs("line")
        self.composed = self.workspace.resolved("line")
        self.data = root / "data" / "raw" / "line.csv"

    @property
    def resolved(self) -> Resolved:
        return Resolved.read(self.composed)

    def run(self, *stages: str) -> None:
        for stage in stages:
            resolved = self.resolved
            with proved(stage, self.workspace, resolved, self.outputs, self.composed):
                STAGES[stage](self.workspace, resolved.handed_to(stage), self.outputs)

    def runs(self) -> list[tuple[str, str]]:
        """Status and error of each run."""
        store = open_store(self.workspace, "local", {})
        return [
            (run.info.status, run.data.tags.get("plait.error", ""))
            for run in store.runs("tags.`plait.experiment` = 'line'")
        ]

    def edit_generated(self) -> None:
        path = self.outputs.data / "dataset.json"
        path.write_bytes(path.read_bytes() + b"\n")

    def is_stale(self) -> bool:
        return STALE in self.composed.read_text()


@pytest.fixture
def line(template: Path, tmp_path: Path) -> Line:
    shutil.copytree(template, tmp_path / "project")
    return Line(tmp_path / "project")


def test_what_is_as_it_was_composed_passes(line: Line) -> None:
    line.run("generate", "pretrain", "train", "calibrate", "evaluate", "record")
    assert line.runs() == [("FINISHED", "")]
    assert not line.is_stale()


def test_a_file_that_was_edited_is_refused_by_name(line: Line) -> None:
    line.data.write_text(table(3))
    with pytest.raises(Unproved, match=r"line: data/raw/line\.csv was edited since it was"):
        line.run("generate")
    assert not line.outputs.data.exists()
    assert line.is_stale()


def test_a_tracked_file_that_was_edited_to_the_same_size_is_refused(line: Line) -> None:
    """What its .dvc file says is of no account."""
    digest = line.resolved["files"]["data/raw/line.csv"].removeprefix("md5:")
    size = line.data.stat().st_size
    line.root.joinpath("data/raw/line.csv.dvc").write_text(
        f"outs:\n- md5: {digest}\n  size: {size}\n  hash: md5\n  path: line.csv\n"
    )
    line.data.write_text(table(2).replace("10,", "99,", 1))
    assert line.data.stat().st_size == size
    with pytest.raises(Unproved, match=r"data/raw/line\.csv was edited"):
        line.run("generate")
    edited = Project(line.root).compose("line")
    assert edited["files"] != line.resolved["files"]


def test_an_edit_while_it_is_read_is_refused_although_it_is_put_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, find = line.data.read_text(), reading.find

    def find_and_edit(path: str, root: Path) -> Path:
        found = find(path, root)
        found.write_text(table(3))
        return found

    monkeypatch.setattr(reading, "find", find_and_edit)
    decode = decoding.decode

    def put_back(content: bytes, path: str, encoding: str) -> str:
        line.data.write_text(original)
        return decode(content, path, encoding)

    monkeypatch.setattr(reading, "decode", put_back)
    with pytest.raises(Unproved, match=r"data/raw/line\.csv was written while it was read"):
        line.run("generate")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["train.parquet", "dataset.json"])
def test_data_that_generate_did_not_leave_is_refused(line: Line, path: str) -> None:
    line.run("generate", "pretrain")
    file = line.outputs.data / path
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(Unproved, match="data/generated/line: not what stage generate leaves"):
        line.run("train")
    assert line.runs() == []


def test_data_of_another_configuration_is_refused(line: Line) -> None:
    """As a checkout of another commit leaves it there."""
    line.run("generate", "pretrain")
    line.data.write_text(table(3))
    write_resolved(line.root / "resolved", Project(line.root).compose_all())
    with pytest.raises(Unproved, match="not what stage generate leaves for this configuration"):
        line.run("train")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["evaluate", "record"])
def test_a_model_of_another_configuration_is_refused(line: Line, stage: str) -> None:
    line.run("generate", "pretrain", "train", "calibrate", "evaluate")
    line.root.joinpath("params.yaml").write_text("experiments:\n  line:\n    model: {ridge: 5.0}\n")
    write_resolved(line.root / "resolved", Project(line.root).compose_all())
    line.run("generate", "pretrain")
    with pytest.raises(Unproved, match="results/line/model: not what stage train leaves"):
        line.run(stage)


@pytest.mark.slow
def test_what_changes_while_a_training_runs_ends_it_without_result(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.run("generate", "pretrain")
    monkeypatch.setattr("plait.training.fit.fit", edited_after(line, line.edit_generated))
    with pytest.raises(Unproved, match="data/generated/line was changed while the stage ran"):
        line.run("train")
    ((status, error),) = line.runs()
    assert status == "FAILED"
    assert "data/generated/line was changed" in error
    assert line.is_stale()


@pytest.mark.slow
def test_a_refused_training_keeps_its_checkpoint_and_goes_on_from_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line.root.joinpath("params.yaml").write_text(
        "experiments:\n  line:\n    model: linear\n"
        "    trainer: {max_epochs: 3, checkpoint_steps: 1}\n"
    )
    compose(line.root)
    line.run("generate", "pretrain")
    original = (line.outputs.data / "dataset.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("plait.training.fit.fit", edited_after(line, line.edit_generated))
        with pytest.raises(Unproved):
            line.run("train")
    assert list(line.workspace.checkpoints(line.resolved.identity).glob("*.ckpt"))
    (line.outputs.data / "dataset.json").write_bytes(original)
    compose(line.root)
    line.run("train", "calibrate", "evaluate", "record")
    assert "line: resumed at epoch" in capsys.readouterr().out
    assert line.runs() == [("FINISHED", "")]


@pytest.mark.slow
def test_values_that_change_while_a_stage_runs_end_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.run("generate", "pretrain")

    def other_values() -> None:
        text = line.composed.read_text()
        line.composed.write_text(text.replace("ridge: 0.0", "ridge: 1.0"))
        assert line.composed.read_text() != text

    monkeypatch.setattr("plait.training.fit.fit", edited_after(line, other_values))
    with pytest.raises(Unproved, match=r"resolved/line\.yaml was changed meanwhile"):
        line.run("train")


READING = "experiments:\n  line:\n    reads: [data/raw/factors.txt]\n"


@pytest.mark.slow
def test_a_declared_file_is_part_of_the_identity_and_proved(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code of the user's own may read it at any moment of a training."""
    before, factors = line.resolved.identity, line.root / "data" / "raw" / "factors.txt"
    factors.write_text("1.0\n")
    line.root.joinpath("params.yaml").write_text(READING)
    compose(line.root)
    assert line.resolved.identity != before
    line.run("generate", "pretrain")

    def edit_and_put_back() -> None:
        factors.write_text("2.0\n")
        factors.write_text("1.0\n")

    monkeypatch.setattr("plait.training.fit.fit", edited_after(line, edit_and_put_back))
    with pytest.raises(Unproved, match=r"data/raw/factors\.txt was written while it was read"):
        line.run("train")


@pytest.mark.slow
def test_a_file_that_was_away_and_comes_while_a_stage_runs_is_refused(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors = line.root / "data" / "raw" / "factors.txt"
    factors.write_text("1.0\n")
    line.root.joinpath("params.yaml").write_text(READING)
    compose(line.root)
    line.run("generate", "pretrain")
    factors.unlink()
    late = edited_after(line, lambda: factors.write_text("2.0\n"))
    monkeypatch.setattr("plait.training.fit.fit", late)
    with pytest.raises(Unproved, match=r"data/raw/factors\.txt came while the stage ran"):
        line.run("train")


def test_a_resolved_file_that_was_edited_by_hand_is_refused(line: Line) -> None:
    text = line.composed.read_text()
    line.composed.write_text(text.replace("ridge: 0.0", "ridge: 1.0"))
    with pytest.raises(Unproved, match=r"resolved/line\.yaml is not what `plait compose` wrote"):
        line.run("generate")


@pytest.mark.slow
def test_a_file_that_is_touched_during_a_training_fails_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.run("generate", "pretrain")
    touched = edited_after(line, (line.outputs.data / "train.parquet").touch)
    monkeypatch.setattr("plait.training.fit.fit", touched)
    line.run("train", "calibrate", "evaluate", "record")
    assert line.runs() == [("FINISHED", "")]


def test_code_that_would_run_is_compared_with_what_was_composed(line: Line) -> None:
    """This process has loaded other code than this tree now has."""
    source = line.root / "src" / "plait" / "models" / "least_squares.py"
    source.write_text(source.read_text() + "\nSLOPE = 1\n")
    write_resolved(line.root / "resolved", Project(line.root).compose_all())
    line.run("generate", "pretrain")
    with pytest.raises(Unproved, match=r"src/plait/models/least_squares\.py was edited since"):
        line.run("train")


@pytest.mark.slow
def test_a_refusal_while_measuring_is_told_on_the_run(line: Line) -> None:
    line.run("generate", "pretrain", "train", "calibrate")
    model = line.outputs["model"] / "model.json"
    model.write_text(model.read_text() + " ")
    environment = {"PYTHONPATH": str(line.root / "src")}
    answer = Checkout(line.root).run(
        "python", "-m", "plait.pipeline.evaluate", "line", check=False, env=environment
    )
    assert answer.returncode == 1
    assert "results/line/model: not what stage train leaves" in answer.stderr
    assert len(answer.stderr.splitlines()) == 2
    ((status, error),) = line.runs()
    assert status == "FAILED"
    assert "not what stage train leaves" in error


def test_a_stale_file_is_composed_again(line: Line) -> None:
    before = line.composed.read_text()
    line.data.write_text(table(3))
    with pytest.raises(Unproved):
        line.run("generate")
    line.data.write_text(table(2))
    assert line.is_stale()
    compose(line.root)
    assert line.composed.read_text() == before


def test_composing_takes_what_is_there_when_it_ends(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC hashes the inputs then, and would else take the old values for those of the new."""
    real, edits = Project.compose_all, iter([3, 4])

    def edited_meanwhile(project: Project) -> dict[str, Resolved]:
        found = real(project)
        slope = next(edits, None)
        if slope is not None:
            line.data.write_text(table(slope))
        return found

    monkeypatch.setattr(Project, "compose_all", edited_meanwhile)
    compose(line.root)
    monkeypatch.undo()
    assert line.data.read_text() == table(4)
    assert line.resolved["files"] == Project(line.root).compose("line")["files"]


def test_composing_ends_if_somebody_goes_on_writing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Project.compose_all

    def edited_meanwhile(project: Project) -> dict[str, Resolved]:
        found = real(project)
        line.data.touch()
        return found

    monkeypatch.setattr(Project, "compose_all", edited_meanwhile)
    with pytest.raises(UserError, match=r"data/raw/line\.csv is written while it is read"):
        compose(line.root)


def edited_after(line: Line, edit: Callable[[], object]) -> Callable[..., object]:
    """The fit, with an edit at its end."""
    from plait.training.fit import fit

    def fit_and_edit(*given: object, **more: object) -> object:
        result = fit(*given, **more)  # type: ignore[arg-type]
        edit()
        return result

    return fit_and_edit
