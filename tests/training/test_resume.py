"""A training that was cut off goes on as if nothing had happened."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from plait import digests
from plait.training.checkpoint_files import CheckpointFiles
from plait.training.checkpoints import Checkpoints
from plait.training.epoch_end import EpochOrder
from plait.training.fit import fit
from training.fitting import CutOffError, Lab, Outcome, equal_weights, in_other_process

OVERRIDES = (
    *("model.dropout=0.3", "schedule=cosine", "schedule.warmup_fraction=0.1", "optimizer.lr=0.05"),
    *("callbacks=[early_stopping]", "callbacks.early_stopping.patience=4"),
    *("data.split.val=0.3", "trainer.max_epochs=12", "trainer.checkpoint_minutes=0"),
)
"""Draws at every step, keeps moments, a schedule, best weights and a patience."""


@pytest.fixture(scope="module")
def undisturbed(lab: Lab) -> Outcome:
    outcome = lab.fit("breast_cancer", *OVERRIDES)
    losses = outcome.curve("val/loss")
    # The patience is what ends it, so that a resumed one has to remember it.
    assert len(losses) == losses.index(min(losses)) + 1 + 4 < 12
    return outcome


def check_resumed(
    lab: Lab, checkpoints: Path, undisturbed: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(checkpoints.glob("*.ckpt"))
    capsys.readouterr()
    resumed = lab.fit("breast_cancer", *OVERRIDES, checkpoints=checkpoints)
    assert "breast_cancer: resumed" in capsys.readouterr().out
    assert resumed.curves == undisturbed.curves
    assert equal_weights(resumed, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2, 5])
def test_after_an_exception_it_ends_with_the_same_bits(
    lab: Lab,
    tmp_path: Path,
    undisturbed: Outcome,
    capsys: pytest.CaptureFixture[str],
    epoch: int,
) -> None:
    def cut_off(number: int, values: dict[str, float]) -> None:
        if number == epoch:
            raise CutOffError

    folder = tmp_path / "checkpoints"
    with pytest.raises(CutOffError):
        lab.fit("breast_cancer", *OVERRIDES, checkpoints=folder, observe=cut_off)
    check_resumed(lab, folder, undisturbed, capsys)


def test_after_sigkill_it_ends_with_the_same_bits(
    lab: Lab, tmp_path: Path, undisturbed: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    killed = in_other_process(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from training.fitting import Lab\n"
        "from training.test_resume import OVERRIDES\n"
        "def kill(epoch, values):\n"
        "    if epoch == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "Lab(Path(sys.argv[1])).fit(\n"
        "    'breast_cancer', *OVERRIDES, checkpoints=Path(sys.argv[2]), observe=kill\n"
        ")\n",
        *(str(tmp_path), str(folder)),
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    check_resumed(lab, folder, undisturbed, capsys)


@pytest.mark.slow
def test_after_sigkill_in_the_middle_of_a_write_it_goes_on_from_the_one_before(
    lab: Lab, tmp_path: Path, undisturbed: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, temporary = tmp_path / "checkpoints", tmp_path / "temporary"
    temporary.mkdir()
    killed = in_other_process(
        "import io, os, signal, sys\n"
        "from pathlib import Path\n"
        "import torch\n"
        "from training.fitting import Lab\n"
        "from training.test_resume import OVERRIDES\n"
        "whole, written = torch.save, []\n"
        "def half(checkpoint, file):\n"
        "    written.append(file.name)\n"
        "    if len(written) < 8:\n"
        "        return whole(checkpoint, file)\n"
        "    content = io.BytesIO()\n"
        "    whole(checkpoint, content)\n"
        "    file.write(content.getvalue()[:content.tell() // 2])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "torch.save = half\n"
        "Lab(Path(sys.argv[1])).fit('breast_cancer', *OVERRIDES, checkpoints=Path(sys.argv[2]))\n",
        *(str(tmp_path), str(folder)),
        env={"TMPDIR": str(temporary)},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    *kept, left = sorted(path.name for path in folder.iterdir())
    assert [name[:10] for name in kept] == [f"{step:010d}" for step in (6, 7)]
    assert left == "next"
    # Torch leaves an empty folder there, whatever it does.
    assert not [path for path in temporary.rglob("*") if path.is_file()]
    assert CheckpointFiles(folder, "breast_cancer").newest() == folder / kept[-1]
    assert not (folder / left).exists()
    check_resumed(lab, folder, undisturbed, capsys)


CASES: dict[str, tuple[str, ...]] = {
    "sgd": ("optimizer=sgd", "optimizer.momentum=0.9"),
    "adamw, dropout, accumulation": ("model.dropout=0.2", "trainer.micro_batch_size=8"),
    "warm-up": ("schedule=linear", "schedule.warmup_fraction=0.5"),
    "mixed precision": ("trainer.precision=bf16-mixed", "trainer.max_epochs=2"),
    "batch statistics": ("model.normalization=batch", "batch_size=40"),
    "in steps": ("trainer.max_steps=20", "trainer.max_epochs=null"),
    "early stopping": ("callbacks=[early_stopping]", "callbacks.early_stopping.patience=1"),
}
"""Overrides of a small training whose epochs have 13 steps or so."""

SMALL = ("optimizer=adamw", "trainer.max_epochs=3", "data.split.val=0.2")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("written", [2, 4])
def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_bits(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, written: int
) -> None:
    overrides = (*SMALL, *CASES[case], "trainer.checkpoint_steps=4")
    undisturbed = lab.fit("breast_cancer", *overrides)
    folder = tmp_path / "checkpoints"
    with pytest.MonkeyPatch.context() as patch:
        count = iter(range(1000))
        write = CheckpointFiles.write

        def cut_off(files: CheckpointFiles, *arguments: Any, **given: Any) -> None:
            write(files, *arguments, **given)
            if next(count) + 1 == written:
                raise CutOffError

        patch.setattr(CheckpointFiles, "write", cut_off)
        with pytest.raises(CutOffError):
            lab.fit("breast_cancer", *overrides, checkpoints=folder)
    capsys.readouterr()
    resumed = lab.fit("breast_cancer", *overrides, checkpoints=folder)
    assert f", step {4 * written}\n" in capsys.readouterr().out
    assert resumed.curves == undisturbed.curves
    assert equal_weights(resumed, undisturbed)


def test_damaged_and_foreign_checkpoints_are_named_and_the_one_before_is_used(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = (*SMALL, "trainer.checkpoint_steps=4")
    undisturbed = lab.fit("breast_cancer", *overrides, checkpoints=tmp_path)
    older, newer = sorted(tmp_path.glob("*.ckpt"))
    whole = newer.read_bytes()
    newer.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    capsys.readouterr()
    assert equal_weights(lab.fit("breast_cancer", *overrides, checkpoints=tmp_path), undisturbed)
    said = capsys.readouterr()
    assert f"breast_cancer: checkpoint {newer.name} is damaged; it is left out" in said.err
    assert f"step {int(older.name[:10])}\n" in said.out

    # Of other data: the part was changed while the training lay half finished.
    other = lab.resolved("breast_cancer", *overrides)
    data = lab.data(other)
    fit(
        other,
        data.dataset,
        data.train.iloc[::-1],
        data.val,
        checkpoints=tmp_path,
        observe=lambda epoch, values: None,
    )
    said = capsys.readouterr()
    assert said.err.count("is of a training on other data; it is left out") == 2
    assert "resumed" not in said.out


def test_a_checkpoint_that_would_execute_code_is_refused(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Malicious:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    file = tmp_path / "next"
    torch.save({"callbacks": Malicious()}, file)
    file.rename(tmp_path / f"{4:010d}-{digests.of_file(file, digests.SHORT)}.ckpt")
    lab.fit("breast_cancer", *SMALL, checkpoints=tmp_path)
    assert "is none that plait wrote (UnpicklingError)" in capsys.readouterr().err
    assert not (tmp_path / "executed").exists()


def test_cut_off_after_its_last_epoch_it_trains_no_further(
    lab: Lab, tmp_path: Path, undisturbed: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    # The stage removes them once it has written the model; here it died before that.
    lab.fit("breast_cancer", *OVERRIDES, checkpoints=folder)
    check_resumed(lab, folder, undisturbed, capsys)


class Clock:
    """Time as a test has it pass: so long a step, and so long a checkpoint's write."""

    def __init__(self, patch: pytest.MonkeyPatch, step: float, write: float) -> None:
        self.now = 1000.0
        self.written: list[float] = []
        """Seconds of the training at which checkpoints were begun."""
        patch.setattr("plait.training.checkpoints.monotonic", lambda: self.now)
        look, save, start = Checkpoints._is_due, CheckpointFiles.write, self.now

        def is_due(checkpoints: Checkpoints, number: int) -> bool:
            self.now += step
            return look(checkpoints, number)

        def slow(files: CheckpointFiles, *arguments: Any, **given: Any) -> None:
            self.written.append(round(self.now - start, 3))
            save(files, *arguments, **given)
            self.now += write

        patch.setattr(Checkpoints, "_is_due", is_due)
        patch.setattr(CheckpointFiles, "write", slow)


MINUTES = ("linear_regression", "data.samples=400", "trainer.max_epochs=10")
"""100 steps."""


@pytest.mark.parametrize(
    ("minutes", "step", "write", "begun"),
    [
        (5, 0.019, 0.001, []),  # Over in 1.9 s.
        (5, 0.5, 0.01, [2, 4.01, 6.02, 8.03, 10.04]),  # As often as is allowed at all.
        (5, 1.0, 0.19, [2, 12.19, 22.38, 32.57, 42.76]),  # 2 % of 9.5 s.
        (5, 10.0, 6.0, [10, 316, 622, 928]),  # 2 % of 300 s, which is five minutes.
        (5, 10.0, 60.0, [10, 370, 730, 1090]),  # 2 % would be 50 minutes.
        (0.1, 1.0, 1.0, [2, 9, 16, 23, 30]),  # Asked for.
        (0, 0.001, 1.0, [0.001, 1.002, 2.003, 3.004, 4.005]),
    ],
)
def test_a_checkpoint_is_written_as_soon_as_it_takes_2_percent_of_the_time_and_in_its_minutes(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    minutes: float,
    step: float,
    write: float,
    begun: list[float],
) -> None:
    clock = Clock(monkeypatch, step, write)
    lab.fit(*MINUTES, f"trainer.checkpoint_minutes={minutes}")
    assert clock.written[:5] == begun


def test_checkpoints_change_no_bit(lab: Lab, undisturbed: Outcome) -> None:
    without = lab.fit("breast_cancer", *OVERRIDES, "trainer.checkpoint_minutes=1000")
    assert without.curves == undisturbed.curves
    assert equal_weights(without, undisturbed)


def test_a_checkpoint_of_the_very_end_gives_the_model(lab: Lab, tmp_path: Path) -> None:
    """Without validation part, too: nothing is left to train."""
    overrides = ("linear_regression", "trainer.max_epochs=2", "trainer.checkpoint_steps=25")
    ended = lab.fit(*overrides, checkpoints=tmp_path)
    assert equal_weights(lab.fit(*overrides, checkpoints=tmp_path), ended)


def test_sigterm_while_lightning_sets_up_is_obeyed_after_the_first_step(
    lab: Lab, tmp_path: Path
) -> None:
    """It takes the signal for itself then."""
    overrides = ("linear_regression", "trainer.max_epochs=2")

    def ask(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrder, "on_train_start", ask)
        with pytest.raises(SystemExit, match="143"):
            lab.fit(*overrides, checkpoints=tmp_path)
    assert [path.name[:10] for path in tmp_path.glob("*.ckpt")] == [f"{1:010d}"]
    assert equal_weights(lab.fit(*overrides, checkpoints=tmp_path), lab.fit(*overrides))


def test_sigterm_after_the_last_step_is_obeyed_too(lab: Lab, tmp_path: Path) -> None:
    """Else the next trial of a worker would begin."""
    overrides = ("linear_regression", "trainer.max_epochs=2", "trainer.checkpoint_steps=25")

    def ask(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrder, "on_train_end", ask)
        with pytest.raises(SystemExit, match="143"):
            lab.fit(*overrides, checkpoints=tmp_path)
    assert equal_weights(lab.fit(*overrides, checkpoints=tmp_path), lab.fit(*overrides))
