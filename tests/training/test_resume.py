"""A training that was cut off goes on as if nothing had happened."""

import signal
from pathlib import Path

import pytest

from training.fitting import Lab, Outcome, equal_weights, in_other_process

OVERRIDES = (
    *("model.dropout=0.3", "schedule=cosine", "schedule.warmup=0.1", "optimizer.lr=0.05"),
    *("callbacks=[early_stopping]", "callbacks.early_stopping.patience=4"),
    *("data.split.val=0.3", "trainer.max_epochs=12", "trainer.checkpoint_minutes=0"),
)
"""Draws at every step, keeps moments, a schedule, best weights and a patience."""


class CutOffError(Exception):
    pass


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
    assert (checkpoints / "last.ckpt").exists()
    capsys.readouterr()
    resumed = lab.fit("breast_cancer", *OVERRIDES, checkpoints=checkpoints)
    assert "breast_cancer: resumed" in capsys.readouterr().out
    assert resumed.curves == undisturbed.curves
    assert equal_weights(resumed, undisturbed)


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


def test_cut_off_after_its_last_epoch_it_trains_no_further(
    lab: Lab, tmp_path: Path, undisturbed: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    # The stage removes them once it has written the model; here it died before that.
    lab.fit("breast_cancer", *OVERRIDES, checkpoints=folder)
    check_resumed(lab, folder, undisturbed, capsys)


def test_checkpoints_wait_for_their_minutes(lab: Lab, tmp_path: Path) -> None:
    def cut_off(number: int, values: dict[str, float]) -> None:
        if number == 5:
            raise CutOffError

    with pytest.raises(CutOffError):
        lab.fit(
            "breast_cancer",
            *(*OVERRIDES, "trainer.checkpoint_minutes=5"),
            checkpoints=tmp_path / "checkpoints",
            observe=cut_off,
        )
    assert not (tmp_path / "checkpoints").exists()


def test_checkpoints_change_no_bit(lab: Lab, undisturbed: Outcome) -> None:
    without = lab.fit("breast_cancer", *OVERRIDES, "trainer.checkpoint_minutes=1000")
    assert without.curves == undisturbed.curves
    assert equal_weights(without, undisturbed)
