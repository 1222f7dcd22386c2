"""What goes wrong in training, and how it is said."""

import errno
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import read_part
from plait.errors import UserError, exit_with
from plait.training.devices import check_devices, describe_devices, processes_here
from plait.training.fit import fit, prepare
from plait.training.settings import Settings
from training.fitting import Lab, equal_weights


def test_a_training_that_diverges_says_where_and_what_helps(lab: Lab, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(UserError) as error:
        lab.fit(
            "linear_regression",
            *("optimizer.lr=1.5", "trainer.max_epochs=50"),
            checkpoints=tmp_path,
            observe=lambda epoch, values: seen.append(epoch),
        )
    message = str(error.value)
    assert re.match(
        r"linear_regression: the loss is inf at step \d+, epoch \d+, on rows (\d+, ){9}\d+ and 22"
        " more of the training part",
        message,
    )
    assert f"epoch {seen[-1] + 1}," in message
    assert "smaller optimizer.lr" in message
    assert "trainer.gradient_clip" in message
    # It ends there: nothing is gained by going on.
    assert len(seen) < 50


def test_a_diverging_validation_loss_is_no_best_epoch(lab: Lab) -> None:
    with pytest.raises(UserError, match="diverged"):
        lab.fit("market", "optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=2")


def test_anomaly_detection_names_the_operation(lab: Lab) -> None:
    with (
        pytest.warns(UserWarning, match="Error detected in MseLossBackward0"),
        pytest.raises(UserError, match="linear_regression: Function 'MseLossBackward0' returned"),
    ):
        lab.fit("linear_regression", "trainer.detect_anomaly=true", "optimizer.lr=1e30")


@pytest.mark.parametrize("run", ["prepare", "fit"])
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.accelerator=gpu", "trainer.accelerator: this machine has no gpu; use auto"),
        ("trainer.accelerator=mps", "trainer.accelerator: this machine has no mps; use auto"),
        ("trainer.precision=16-mixed", "16-mixed needs a gpu; on a cpu use bf16-mixed"),
    ],
)
def test_what_the_machine_lacks_is_refused_when_training_starts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, run: str, override: str, words: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(UserError, match=words):
        if run == "prepare":
            prepare(lab.resolved("linear_regression", override))
        else:
            lab.fit("linear_regression", override)


def test_auto_takes_every_gpu_or_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(gpus: int, **given: Any) -> tuple[int, str]:
        monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
        monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
        monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "H100")
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
        trainer = read_yaml(ROOT / "conf" / "config.yaml")["trainer"]
        settings = Settings(**{**trainer, **given})
        check_devices(settings)
        return processes_here(settings), describe_devices(settings)

    assert taken(8) == (8, "8 x H100")
    assert taken(8, devices=2, num_nodes=2) == (2, "2 nodes of 2 x H100")
    assert taken(8, accelerator="cpu") == (1, "cpu")
    assert taken(0) == (1, "cpu")
    assert taken(0, devices=3) == (3, "3 x cpu")
    with pytest.raises(UserError, match=r"trainer.devices: is 9, but this machine has 8 x gpu"):
        taken(8, devices=9)


def test_batch_normalisation_of_a_single_row_is_refused(lab: Lab) -> None:
    with pytest.raises(UserError, match="choose another batch_size"):
        lab.fit("market", "model.normalization=batch", "trainer.micro_batch_size=1")


def test_a_callback_that_needs_validation_rows_says_so(lab: Lab) -> None:
    resolved = lab.resolved("breast_cancer", "callbacks=[early_stopping]")
    data = lab.data(resolved)
    with pytest.raises(UserError, match=r"callbacks.early_stopping needs a validation part"):
        fit(
            resolved,
            data.dataset,
            data.train,
            None,
            checkpoints=lab.folder,
            observe=lambda epoch, values: None,
        )


def test_data_that_an_estimator_cannot_take_are_said_in_its_words(lab: Lab) -> None:
    resolved = lab.resolved("wine", "model=svm")
    data = lab.data(resolved)
    few = data.train.groupby("target").head(2)
    with pytest.raises(UserError, match="wine: model svm: "):
        fit(
            resolved,
            data.dataset,
            few,
            None,
            checkpoints=lab.folder,
            observe=lambda epoch, values: None,
        )


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


OFTEN = ("breast_cancer", "trainer.max_epochs=3", "trainer.checkpoint_steps=5")


def test_on_a_full_disk_it_says_so_and_goes_on_where_there_is_room(
    lab: Lab, tiny_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Room for one checkpoint, not for two.
    with pytest.raises(UserError, match=r"no checkpoint can be written: No space left on device"):
        lab.fit(*OFTEN, checkpoints=tiny_disk)
    (kept,) = tiny_disk.glob("*.ckpt")
    folder = tmp_path / "roomy"
    shutil.copytree(tiny_disk, folder)
    resumed = lab.fit(*OFTEN, checkpoints=folder)
    assert f"step {int(kept.name[:10])}\n" in capsys.readouterr().out
    assert equal_weights(resumed, lab.fit(*OFTEN))


def test_a_disk_that_is_read_only_is_named(lab: Lab, tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(UserError, match="no checkpoint can be written: Read-only file system"):
        lab.fit(*OFTEN, checkpoints=tiny_disk / "folder")


@pytest.mark.slow
def test_a_network_that_no_memory_holds_says_so(lab: Lab) -> None:
    with pytest.raises(UserError, match=r"breast_cancer: .*can't allocate memory.*\n.*fsdp"):
        lab.fit("breast_cancer", "model.hidden_sizes=[10000000,10000000]")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 99 bytes.\nframe"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_memory_it_says_what_takes_less(lab: Lab, error: Exception) -> None:
    def fail(epoch: int, values: dict[str, float]) -> None:
        raise error

    with pytest.raises(UserError, match=r"memory.*\n.*trainer\.micro_batch_size"):
        lab.fit("linear_regression", "trainer.max_epochs=1", observe=fail)


def test_a_stage_says_in_a_line_that_the_disk_is_full(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "results/x/metrics.json")

    with pytest.raises(SystemExit, match="1"):
        exit_with(write)
    said = "plait: no space left on device: results/x/metrics.json\n"
    assert capsys.readouterr().err == said
    monkeypatch.setenv("PLAIT_DEBUG", "1")
    with pytest.raises(OSError, match="No space"):
        exit_with(write)


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match=r"train\.parquet is damaged: .*\n  `dvc repro` generates"):
        read_part(tmp_path, "train")
