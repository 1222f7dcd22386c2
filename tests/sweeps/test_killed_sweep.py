"""A sweep that is killed hard, again and again, ends as one that was left alone."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.tracking.cost import without_costs
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from sweeps.launching import launched, runs_of_sweep, workers_of

TALLY = '''
"""Notes every epoch that is trained."""

from typing import TYPE_CHECKING

from plait.training.callbacks.base import CallbackSettings

if TYPE_CHECKING:
    from lightning.pytorch import Callback


class Settings(CallbackSettings):
    """``callbacks: [tally]``."""


def build(settings: Settings) -> "Callback":
    """A line an epoch in tally.txt: which trial, which epoch."""
    import time
    from pathlib import Path

    from lightning.pytorch import Callback

    class Tally(Callback):
        def on_train_epoch_end(self, trainer, module):
            time.sleep(0.05)
            (group,) = trainer.optimizers[0].param_groups
            trial = f"{group['lr']} {trainer.num_training_batches}"
            with Path("tally.txt").open("a") as file:
                file.write(f"{trial} {trainer.current_epoch}\\n")

    return Tally()
'''

EPOCHS = 12

COMMAND = (
    *("run", "-m", "experiment=linear_regression", "callbacks=[tally]", "sweep.name=killed"),
    *("data.samples=100", f"trainer.max_epochs={EPOCHS}", "trainer.checkpoint_minutes=0"),
    "evaluation.resamples=20",
)


def planted(folder: Path) -> Checkout:
    """A checkout whose trainings note their epochs."""
    checkout = copy_project(folder)
    (checkout.root / "src/plait/training/callbacks/tally.py").write_text(TALLY, encoding="utf-8")
    (checkout.root / "conf/callbacks/tally.yaml").write_text("tally: {}\n", encoding="utf-8")
    return checkout


def metrics_of(checkout: Checkout) -> dict[str, dict[str, float]]:
    """By run name, every metric of every finished trial."""
    store = open_store(Workspace.at(checkout.root), "local", {})
    runs = runs_of_sweep(store, "killed")
    return {run.info.run_name: without_costs(run.data.metrics) for run in runs}


def weights_of(checkout: Checkout) -> dict[str, bytes]:
    folder = checkout.root / "outputs/linear_regression"
    return {
        path.parts[-3]: path.read_bytes() for path in folder.glob("*/model/weights.safetensors")
    }


def lines_of(checkout: Checkout) -> int:
    """How many epochs have been trained."""
    path = checkout.root / "tally.txt"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tally_of(checkout: Checkout) -> Counter[str]:
    """How often every epoch of every trial was trained."""
    return Counter((checkout.root / "tally.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("kills", "trials", "values"),
    [
        # The launcher, then a trial and everything; the rest is for the night.
        pytest.param((1, 2), 2, ["batch_size=16,64"], marks=pytest.mark.slow),
        pytest.param(
            *(range(10), 12, ["optimizer.lr=0.01,0.03,0.1", "batch_size=16,32,64,128"]),
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["twice", "10 times"],
)
def test_a_sweep_that_is_killed_ends_as_one_left_alone(
    tmp_path: Path, kills: Sequence[int], trials: int, values: list[str]
) -> None:
    command = (*COMMAND, *values)
    alone = planted(tmp_path / "alone")
    alone.plait(*command)
    assert set(tally_of(alone).values()) == {1}
    assert len(tally_of(alone)) == trials * EPOCHS

    checkout = planted(tmp_path / "killed")
    generator = random.Random(0)
    effective = 0
    for kill in kills:
        with launched(checkout, *command) as process:
            # At any moment: while it composes, starts its worker, trains, evaluates or records.
            trained = lines_of(checkout) + generator.randint(0, trials * EPOCHS // (len(kills) + 2))
            while lines_of(checkout) < trained and process.poll() is None:
                time.sleep(0.02)
            time.sleep(generator.uniform(0, 1))
            effective += process.poll() is None
            if kill % 3 == 1:  # the launcher
                process.kill()
                process.communicate()
            elif kill % 3 == 2:  # a trial, then everything
                for worker in workers_of(process):
                    worker.kill()
                time.sleep(generator.uniform(0, 3))
        # On leaving, everything that is left is killed.
    assert effective == len(kills), "the sweep had ended before it was killed often enough"

    checkout.plait(*command)
    assert metrics_of(checkout) == metrics_of(alone)
    assert weights_of(checkout) == weights_of(alone)
    store = open_store(Workspace.at(checkout.root), "local", {})
    runs = list(store.runs(""))
    assert [run.info.status for run in runs] == ["FINISHED"] * trials
    assert len({run.data.tags["plait.identity"] for run in runs}) == trials
    # An epoch counts once its checkpoint is written: a kill costs the one it fell into.
    tally = tally_of(checkout)
    assert set(tally) == set(tally_of(alone))
    assert tally.total() - len(tally) <= len(kills)
    assert not list((checkout.root / ".plait/checkpoints").glob("*"))
    assert not list((checkout.root / ".plait/journal").glob("*"))
    assert not list((checkout.root / ".plait/data").glob(".*"))

    again = checkout.plait(*command)
    assert f"{trials} reused;" in again.stdout
    assert tally_of(checkout) == tally
