"""Several processes train as one does: started by torchrun, on this machine's CPU."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from checkouts import Checkout
from plait.errors import UserError
from plait.tracking.store.store import open_store
from plait.training.distributed import exchange, worker
from plait.workspace import Workspace
from sweeps.launching import launched
from training.fitting import Lab, Outcome, equal_weights
from warm.start import warm_python

DOUBLE = ("trainer.precision=64-true", "trainer.max_epochs=2")
MLP = (
    *("breast_cancer", *DOUBLE, "optimizer=adamw", "model.dropout=0.3", "batch_size=50"),
    *(
        "data.split.val=0.2",
        "schedule=cosine",
        "schedule.warmup_fraction=0.1",
        "trainer.gradient_clip=1.0",
    ),
)


@pytest.fixture
def _warm_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agent and ranks have their libraries from the warm server.

    How they end when one of them or their parent is killed is shown without it.
    """
    monkeypatch.setattr(sys, "executable", warm_python())


def largest_difference(one: Outcome, other: Outcome) -> float:
    assert one.weights.keys() == other.weights.keys()
    return max(float(np.abs(one.weights[key] - other.weights[key]).max()) for key in one.weights)


@pytest.fixture(scope="module")
def alone(lab: Lab) -> Outcome:
    return lab.fit(*MLP)


@pytest.mark.slow
@pytest.mark.usefixtures("_warm_ranks")
@pytest.mark.parametrize(
    "shared",
    [
        ("trainer.devices=2",),
        # 17 rows for each, of which the last batch leaves less than one each.
        ("trainer.devices=3", "trainer.micro_batch_size=10"),
        ("trainer.devices=2", "trainer.strategy=fsdp"),
    ],
    ids=" ".join,
)
def test_their_number_changes_no_number(
    lab: Lab, alone: Outcome, capfd: pytest.CaptureFixture[str], shared: tuple[str, ...]
) -> None:
    together = lab.fit(*MLP, *shared)
    assert largest_difference(together, alone) <= 1e-13
    assert together.curves == alone.curves
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_warm_ranks")
@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_parts_smaller_than_they_are_many(lab: Lab, rows: int) -> None:
    """Of 40 rows, so many are validation; a batch of 13 leaves processes without a row."""
    overrides = (
        *("linear_regression", *DOUBLE, "data.samples=40", f"data.split.val={rows / 40}"),
        *("data.split.test=0.3", "batch_size=13"),
    )
    alone, together = lab.fit(*overrides), lab.fit(*overrides, "trainer.devices=3")
    assert alone.data.val is not None
    assert len(alone.data.val) == rows
    assert largest_difference(together, alone) <= 1e-13
    assert together.curves == alone.curves


@pytest.mark.usefixtures("_warm_ranks")
@pytest.mark.slow
def test_batch_normalisation_takes_its_statistics_from_all(lab: Lab) -> None:
    overrides = (*MLP, "model.normalization=batch", "optimizer=sgd", "trainer.gradient_clip=null")
    together = lab.fit(*overrides, "trainer.devices=2")
    assert largest_difference(together, lab.fit(*overrides)) <= 1e-12


ENDLESS = ("linear_regression", "trainer.max_epochs=1000000", "trainer.checkpoint_minutes=0")


def processes_of(folder: Path) -> dict[int, int]:
    """The ranks that train from a folder, by rank: their process numbers."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().decode().split("\0")
            if worker.__name__ not in command or str(exchange.folder_of(folder)) not in command:
                continue
            environment = (path / "environ").read_bytes().decode().split("\0")
        except OSError:
            continue
        ranks = [int(line[5:]) for line in environment if line.startswith("RANK=")]
        if ranks:
            found[ranks[0]] = int(path.name)
    return found


@pytest.fixture
def when_trained(tmp_path: Path) -> Iterator[Callable[[Callable[[dict[int, int]], None]], None]]:
    """Have something done to the ranks once they have written a checkpoint."""
    threads = []

    def start(act: Callable[[dict[int, int]], None]) -> None:
        def wait() -> None:
            end = time.monotonic() + 60
            while not list(tmp_path.glob("*.ckpt")) and time.monotonic() < end:
                time.sleep(0.02)
            act(processes_of(tmp_path))

        threads.append(threading.Thread(target=wait))
        threads[0].start()

    yield start
    threads[0].join()


@pytest.mark.slow
def test_one_that_is_killed_takes_the_training_down_and_it_goes_on(
    lab: Lab,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    when_trained: Callable[[Callable[[dict[int, int]], None]], None],
) -> None:
    when_trained(lambda ranks: os.kill(ranks[1], signal.SIGKILL))
    with pytest.raises(UserError, match="process 1 of 2 was killed by SIGKILL"):
        lab.fit(*ENDLESS, "trainer.devices=2", checkpoints=tmp_path)
    assert processes_of(tmp_path) == {}
    assert "Traceback" not in capfd.readouterr().err
    # A checkpoint does not depend on how many wrote it.
    newest = max(tmp_path.glob("*.ckpt"))
    epochs = int(newest.name[:10]) // 25 + 2

    def last(number: int, values: dict[str, float]) -> None:
        if number == epochs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.fit(*ENDLESS, checkpoints=tmp_path, observe=last)
    assert f"step {int(newest.name[:10])}\n" in capfd.readouterr().out


@pytest.mark.usefixtures("_warm_ranks")
@pytest.mark.slow
def test_a_loss_that_is_no_number_is_told_by_the_process_that_has_it(lab: Lab) -> None:
    with pytest.raises(UserError, match=r"^linear_regression: the loss is inf at step \d+, epoch"):
        lab.fit("linear_regression", "optimizer.lr=1.5", "trainer.devices=2")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_they_end_with_their_parent(
    lab: Lab, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = sys.executable if number == signal.SIGKILL else warm_python()
    monkeypatch.setattr(sys, "executable", warm_python())
    overrides = (*MLP, "trainer.max_epochs=40", "trainer.checkpoint_steps=3")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from plait.errors import exit_with\n"
        "from training.fitting import Lab\n"
        "lab = Lab(Path(sys.argv[1]) / 'lab')\n"
        "lab.folder.mkdir()\n"
        "exit_with(lambda: lab.fit(*sys.argv[2:], checkpoints=Path(sys.argv[1])) and None)\n"
    )
    process = subprocess.Popen(
        [python, "-c", code, str(tmp_path), *overrides, "trainer.devices=2"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    ranks = processes_of(tmp_path)
    assert set(ranks) == {0, 1}
    process.send_signal(number)
    process.communicate(timeout=60)
    expected = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}
    assert process.returncode == expected[number]
    end = time.monotonic() + 5
    while processes_of(tmp_path):
        assert time.monotonic() < end, "orphans"
        time.sleep(0.05)
    resumed = lab.fit(*overrides, "trainer.devices=2", checkpoints=tmp_path)
    assert equal_weights(resumed, lab.fit(*overrides, "trainer.devices=2"))


@pytest.mark.slow
def test_two_nodes_meet_and_train_as_one_device_does(checkout: Checkout) -> None:
    """Two agents with two ranks each, on this machine's loopback, in one tree."""
    small = ("experiment=breast_cancer", "trainer.max_epochs=2", "trainer.precision=64-true")
    with launched(checkout, "join") as other:
        two = checkout.plait("run", *small, "trainer.num_nodes=2", "trainer.devices=2")
        said, errors = other.communicate(timeout=60)
    assert "breast_cancer: waits for 1 more node: run `plait join` there" in two.stdout
    assert other.returncode == 0, errors
    assert said == "breast_cancer: this machine trains along\n"
    weights = [load_file(path) for path in checkout.root.glob("outputs/*/*/model/*.safetensors")]
    checkout.plait("run", *small, "--fresh")
    weights += [load_file(path) for path in checkout.root.glob("outputs/*/*/model/*.safetensors")]
    two_nodes, alone = weights
    assert max(float((two_nodes[key] - alone[key]).abs().max()) for key in alone) <= 1e-13
    (run,) = open_store(Workspace.at(checkout.root), "local", {}).runs("")
    assert run.info.status == "FINISHED"


def test_without_a_training_there_is_nothing_to_join(checkout: Checkout) -> None:
    refused = checkout.plait("join", "--wait", "0.1", check=False)
    assert refused.returncode == 1
    assert refused.stderr == (
        "plait: no training waited for a node within 0.1 s; start one with trainer.num_nodes=2 in"
        " this tree, on another machine\n"
    )
