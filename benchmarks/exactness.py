"""Measure what docs/exactness.md claims: any number of processes, any kill, the same numbers.

``make exactness`` writes that page, and exits with 1 when a figure misses its bound. Processes that
are killed are forked from this one, which has done its imports: a training then takes half a second
instead of ten.
"""

import argparse
import atexit
import os
import platform
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest.mock
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from checkouts import Checkout, copy_project
from plait.artifacts import write_text
from plait.config.compose import Project, write_resolved
from plait.config.registry import module_of, settings_of
from plait.config.resolved import Resolved
from plait.signals import end_at_sigterm
from plait.training.checkpoints import newest
from plait.training.distributed import exchange, worker
from plait.training.fit import job_of
from plait.training.job import DistributedContext, Trained, TrainingJob
from plait.training.loop import train
from plait.workspace import Workspace
from training.fitting import Lab, leave_inputs

ROOT = Path(__file__).resolve().parents[1]

Overrides = tuple[str, ...]

DOUBLE: Overrides = ("trainer.precision=64-true", "trainer.max_epochs=5")
LINEAR: Overrides = ("linear_regression", *DOUBLE, "data.samples=203", "data.split.val=0.2")
MLP: Overrides = ("breast_cancer", *DOUBLE, "batch_size=50", "data.split.val=0.2")

KILLED: dict[str, Overrides] = {
    "SGD": ("linear_regression", "data.samples=400", "optimizer.momentum=0.9"),
    "AdamW, dropout": ("breast_cancer", "optimizer=adamw", "model.dropout=0.3"),
    "warm-up, accumulation": (
        *("breast_cancer", "optimizer=adamw", "schedule=cosine", "schedule.warmup_fraction=0.3"),
        "trainer.micro_batch_size=8",
    ),
    "early stopping": (
        *("breast_cancer", "optimizer=adamw", "callbacks=[early_stopping]"),
        *("callbacks.early_stopping.patience=2", "data.split.val=0.2"),
    ),
    "mixed precision": ("breast_cancer", "trainer.precision=bf16-mixed", "model.hidden_sizes=[8]"),
}
OFTEN: Overrides = ("trainer.checkpoint_steps=3", "trainer.max_epochs=4")


@dataclass
class Figure:
    """A row of the page."""

    claim: str
    bound: float | None
    """None: no claim, the figure is told."""
    measured: float
    cases: str

    @property
    def limit(self) -> str:
        return "none" if self.bound is None else f"{self.bound:g}"

    @property
    def holds(self) -> bool:
        return self.bound is None or self.measured <= self.bound


class Training:
    """A training in processes forked from this one."""

    def __init__(self, job: TrainingJob, place: DistributedContext) -> None:
        self.job, self.place = job, place
        with redirect_stdout(None):
            start = newest(job)
        self.folder = exchange.write_job(job, place, start)
        port = str(_free_port())
        self._running = {_fork(self._run(number, port)) for number in range(place.world)}
        self.statuses: list[int] = []
        atexit.register(self.end, signal.SIGKILL)

    def _run(self, number: int, port: str) -> Callable[[], int]:
        size = str(self.place.world)
        environment = {
            **{"RANK": str(number), "LOCAL_RANK": str(number), "GROUP_RANK": "0"},
            **{"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "TORCHELASTIC_RUN_ID": "exactness"},
            **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
        }

        def run() -> int:
            if size != "1":
                os.environ.update(environment)
                return worker.run(self.folder, number)
            # As the stage does: alone, and asked to stop at any moment.
            end_at_sigterm()
            exchange.write_result(
                train(self.job, DistributedContext(), newest(self.job)), self.folder
            )
            return 0

        return run

    def end(self, number: signal.Signals) -> None:
        """Send a signal; several processes are asked to stop as the one that starts them asks."""
        if number != signal.SIGKILL and self.place.world > 1:
            (self.folder / exchange.STOP).touch()
            return
        for process in self._running:
            os.kill(process, number)

    def is_over(self) -> bool:
        """Whether all have ended."""
        for process in list(self._running):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                self._running.discard(process)
                self.statuses.append(os.waitstatus_to_exitcode(status))
        return not self._running

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait for the end, or for so many seconds; whether it is over."""
        end = time.monotonic() + seconds
        while not self.is_over():
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    def result(self) -> Trained:
        """What it gave."""
        assert self.wait(), "a training hangs"
        if not (self.folder / exchange.DONE).exists():
            told = [path.read_text() for path in self.folder.glob(f"{exchange.FAILURE}*")]
            raise AssertionError(f"no result: {self.statuses} {told}")
        return exchange.read_result(self.folder)


class Laboratory:
    """Trainings of a laboratory, each with a folder of its own for checkpoints."""

    def __init__(self, folder: Path) -> None:
        self._lab = Lab(folder / "data")
        self._lab.folder.mkdir()
        self._folder, self._count = folder, 0

    def folder(self) -> Path:
        self._count += 1
        return self._folder / f"training{self._count}"

    def start(
        self, overrides: Overrides, world: int = 1, strategy: str = "auto", at: Path | None = None
    ) -> Training:
        resolved = self._lab.resolved(*overrides)
        data = self._lab.data(resolved)
        job, _ = job_of(
            resolved,
            data.dataset,
            data.train,
            data.val,
            checkpoints=at or self.folder(),
            observe=lambda epoch, values: None,
        )
        return Training(job, DistributedContext(devices=world, strategy=strategy))

    def train(self, overrides: Overrides, world: int = 1, strategy: str = "auto") -> Trained:
        return self.start(overrides, world, strategy).result()

    def test_loss(self, overrides: Overrides, trained: Trained) -> float:
        """Mean squared error of the test part."""
        resolved = self._lab.resolved(*overrides)
        data = self._lab.data(resolved)
        assert data.test is not None
        job, preprocessor = job_of(
            resolved,
            data.dataset,
            data.train,
            None,
            checkpoints=self._folder,
            observe=lambda epoch, values: None,
        )
        choice = resolved.choice("model")
        settings: Any = settings_of("model", choice)(**resolved.settings("model"))
        network = module_of("model", choice).build(settings, job.shape).double()
        network.load_state_dict(trained.weights)
        network.eval()
        features = torch.from_numpy(preprocessor.transform(data.test))
        targets = torch.from_numpy(preprocessor.target.encode(data.test))
        with torch.inference_mode():
            return float(torch.nn.functional.mse_loss(network(features), targets))


def weight_difference(one: Trained, other: Trained) -> float:
    """The largest absolute one."""
    assert one.weights.keys() == other.weights.keys()
    pairs = [(one.weights[key].double(), other.weights[key].double()) for key in one.weights]
    return max(float((a - b).abs().max()) for a, b in pairs)


def whole_difference(one: Training, other: Training) -> float:
    """Of weights, curves, and everything in the last checkpoint; infinite where kinds differ."""
    first, second = one.result(), other.result()
    if first.curves != second.curves:
        return float("inf")
    written = [{path.name[:10]: path for path in _checkpoints(side)} for side in (one, other)]
    # One that was stopped at its very end has one more, of that step.
    step = max(written[0])
    if step not in written[1]:
        return float("inf")
    states = [state_of(paths[step]) for paths in written]
    return max(weight_difference(first, second), state_difference(*states))


def state_of(path: Path) -> dict[str, Any]:
    """Weights, optimiser and schedule in a checkpoint."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    kept = ("state_dict", "optimizer_states", "lr_schedulers", "global_step", "epoch")
    return {key: state[key] for key in kept}


def state_difference(one: Any, other: Any) -> float:
    """The largest difference of two nested states."""
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return float("inf")
        return max((state_difference(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return float("inf")
        return max((state_difference(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, torch.Tensor):
        return float((one.double() - other.double()).abs().max()) if one.numel() else 0.0
    if isinstance(one, int | float) and not isinstance(one, bool):
        return abs(one - other)
    return 0.0 if one == other else float("inf")


def several_processes(lab: Laboratory, quick: bool) -> list[Figure]:
    """1 against 2 and 3 processes."""
    optimizers = [("optimizer=sgd", "optimizer.lr=0.01"), ("optimizer=adamw",)]
    worlds = (2,) if quick else (2, 3)
    models = {"linear": LINEAR, "MLP": (*MLP, "model.dropout=0.0"), "MLP with dropout": MLP}
    largest = 0.0
    for overrides in list(models.values())[1:] if quick else models.values():
        for optimizer in optimizers[1:] if quick else optimizers:
            alone = lab.train((*overrides, *optimizer))
            for world in worlds:
                together = lab.train((*overrides, *optimizer), world)
                largest = max(largest, weight_difference(alone, together))
    cases = f"1 against {' and '.join(map(str, worlds))} processes; {', '.join(models)}; SGD, AdamW"
    figures = [Figure("Weights, float64, 5 epochs: largest difference", 1e-13, largest, cases)]
    if quick:
        return figures
    for (name, bound), optimizer in zip(
        # Where a gradient is nearly nothing, AdamW makes steps of its rounding.
        {"SGD": 1e-13, "AdamW": 1e-10}.items(),
        optimizers,
        strict=True,
    ):
        normalised = (*MLP, "model.normalization=batch", *optimizer)
        alone = lab.train(normalised)
        largest = max(weight_difference(alone, lab.train(normalised, world)) for world in worlds)
        claim = f"The same with batch normalisation, {name}"
        figures.append(Figure(claim, bound, largest, "MLP; 1 against 2 and 3 processes"))
    with unittest.mock.patch("plait.training.module.exact", lambda network, draws: network):
        alone = lab.train(MLP)
        largest = weight_difference(alone, lab.train(MLP, 2))
    claim = "The same with a layer that draws from each process's generator"
    cases = "MLP with torch's own dropout; 1 against 2 processes: another sample, as said"
    figures.append(Figure(claim, None, largest, cases))
    return figures


def odd_sizes(lab: Laboratory, quick: bool) -> Figure:
    """Validation and test at sizes that processes do not divide."""
    largest, count = 0.0, 0
    for rows in (1,) if quick else (1, 2, 3, 4, 6, 7):
        overrides = (
            *("linear_regression", *DOUBLE, "data.samples=60", f"data.split.val={rows / 60}"),
            *(f"data.split.test={rows / 60}", "batch_size=13"),
        )
        alone = lab.train(overrides)
        expected = lab.test_loss(overrides, alone)
        for world in (2, 3):
            together = lab.train(overrides, world)
            measured = lab.test_loss(overrides, together)
            same = together.curves == alone.curves
            relative = abs(measured - expected) / expected if same else float("inf")
            largest, count = max(largest, relative), count + 1
    claim = "Validation curves equal, test loss: largest relative difference"
    cases = f"{count} trainings; parts of 1 to 7 rows, last batches of 1 to 9; 1, 2, 3 processes"
    return Figure(claim, 1e-12, largest, cases)


def cut_off(
    lab: Laboratory, moments: dict[int, int], number: signal.Signals, draw: random.Random
) -> tuple[float, Counter[int], int]:
    """Signal trainings at random moments, resume them, compare them with undisturbed ones.

    :param moments: for each case and so many processes.
    :returns: the largest difference, the exit statuses, the trainings.
    """
    largest, statuses, count = 0.0, Counter[int](), 0
    for case in KILLED.values():
        for world, repeats in moments.items():
            began = time.monotonic()
            undisturbed = lab.start((*case, *OFTEN), world)
            undisturbed.result()
            duration = time.monotonic() - began
            while repeats:
                folder = lab.folder()
                training = lab.start((*case, *OFTEN), world, at=folder)
                if training.wait(draw.uniform(0, duration)):
                    continue  # Over before its moment came.
                training.end(number)
                assert training.wait(), "a training does not end"
                if not any(training.statuses) and (training.folder / exchange.DONE).exists():
                    continue  # It was over, and about to end.
                told = list(training.folder.glob(f"{exchange.FAILURE}*"))
                asked = all('"SIGTERM"' in path.read_text() for path in told) and told
                statuses.update([143 if asked else training.statuses[0]])
                resumed = lab.start((*case, *OFTEN), world, at=folder)
                largest = max(largest, whole_difference(undisturbed, resumed))
                repeats, count = repeats - 1, count + 1
    return largest, statuses, count


def sharded(lab: Laboratory, quick: bool) -> list[Figure]:
    """Fully sharded against plain, and its checkpoint on one process."""
    overrides = (*MLP, "optimizer=adamw", "trainer.checkpoint_steps=3")
    alone = lab.train(overrides)
    together = lab.start(overrides, 2, "fsdp")
    difference = weight_difference(alone, together.result())
    figures = [
        Figure("Fully sharded, float64: largest difference", 1e-13, difference, "MLP, 2 processes")
    ]
    folder = lab.folder()
    killed = lab.start(overrides, 2, "fsdp", at=folder)
    while not list(folder.glob("*.ckpt")):
        assert not killed.is_over()
        time.sleep(0.002)
    killed.end(signal.SIGKILL)
    assert killed.wait()
    resumed = lab.start(overrides, at=folder).result()
    claim = "Its checkpoint, resumed on one process"
    figures.append(Figure(claim, 1e-13, weight_difference(alone, resumed), "killed in mid-epoch"))
    return figures


SWEEP = (
    *("run", "-m", "experiment=linear_regression", "optimizer.lr=0.1,0.03,0.01"),
    *("trainer.devices=2", "trainer.precision=64-true", "trainer.max_epochs=40"),
    *("data.samples=400", "evaluation.resamples=20", "trainer.checkpoint_steps=5"),
)


def killed_rank(lab: Laboratory, checkout: Checkout, other: Checkout) -> Figure:
    """Kill the second process of the first trial that has a checkpoint.

    :param other: for the same sweep, undisturbed: by its duration goes the other's.
    """
    began = time.monotonic()
    undisturbed = _plait(other, *SWEEP)
    said, _ = undisturbed.communicate(timeout=600)
    assert undisturbed.returncode == 0, said
    whole = time.monotonic() - began
    began = time.monotonic()
    process = _plait(checkout, *SWEEP)
    while not list(checkout.root.glob(".plait/checkpoints/*/*.ckpt")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(_ranks(checkout.root)[1], signal.SIGKILL)
    said, _ = process.communicate(timeout=600)
    ratio = (time.monotonic() - began) / whole
    assert "process 1 of 2 was killed by SIGKILL" in said, said
    assert process.returncode == 1
    again = _plait(checkout, *SWEEP)
    said, _ = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert "2 reused" in said, said
    largest = 0.0
    for path in checkout.root.glob("outputs/*/*/model/weights.safetensors"):
        resolved = Resolved.read(path.parents[1] / "resolved.yaml")
        lr = f"optimizer.lr={resolved['optimizer.lr']}"
        alone = lab.train(("linear_regression", lr, *SWEEP[5:]))
        largest = max(largest, weight_difference(alone, Trained(load_file(path), [])))
    assert largest <= 1e-13, largest
    claim = "Rank 1 killed in a 3-trial multirun: duration beside the undisturbed sweep's"
    cases = f"that trial failed and was resumed; all three within {largest:.1e} of one process"
    return Figure(claim, 1.5, ratio, cases)


def terminated_stage(checkout: Checkout, times: int, draw: random.Random) -> Figure:
    """SIGTERM to the stage, with its run in MLflow."""
    long = {"trainer": {"max_epochs": 4000, "checkpoint_steps": 50}, "data": {"samples": 60}}
    checkout.list_experiments({"linear_regression": long})
    project = Project(checkout.root)
    write_resolved(checkout.root / "resolved", project.compose_all())
    workspace, resolved = Workspace.at(checkout.root), project.compose("linear_regression")
    leave_inputs(workspace, resolved)
    wrong = 0
    for _ in range(times):
        before = set(workspace.checkpoints(resolved.identity).glob("*.ckpt"))
        process = _stage(checkout)
        while set(workspace.checkpoints(resolved.identity).glob("*.ckpt")) == before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.5))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        wrong += process.returncode != 143 or _statuses(checkout) != ["KILLED"]
    finished = _stage(checkout)
    finished.communicate(timeout=120)
    wrong += finished.returncode != 0 or _statuses(checkout) != ["FINISHED"]
    claim = "SIGTERM to the stage: wrong exit status, or run not KILLED"
    return Figure(claim, 0, wrong, f"{times} times; then finished in the same run")


def left_behind(checkouts: list[Checkout], folder: Path) -> Figure:
    """What must not be there after all of it."""
    found: Counter[str] = Counter()
    for checkout in checkouts:
        found["runs left RUNNING"] += _statuses(checkout).count("RUNNING")
        identities = Counter(
            row[0] for row in _rows(checkout, "SELECT value FROM tags WHERE key = 'plait.identity'")
        )
        found["duplicated runs"] += sum(count - 1 for count in identities.values())
        found["checkpoints of what is over"] += len(list(checkout.root.glob(".plait/*/*/*.ckpt")))
        found["orphaned processes"] += len(_ranks(checkout.root))
    found["orphaned processes"] += len(_ranks(folder))
    found["files half written"] = len(list(folder.rglob("next")))
    claim = "Runs left RUNNING, duplicated runs, orphaned processes and files"
    cases = ", ".join(f"{count} {what}" for what, count in found.items())
    return Figure(claim, 0, sum(found.values()), cases)


def measure(folder: Path, quick: bool) -> list[Figure]:
    """All figures, each told as it comes."""
    draw = random.Random(0)
    lab = Laboratory(folder)
    figures: list[Figure] = []

    def add(*new: Figure) -> None:
        for figure in new:
            print(f"{figure.claim}: {figure.measured:.3g} (bound {figure.limit})", flush=True)
        figures.extend(new)

    add(*several_processes(lab, quick))
    add(odd_sizes(lab, quick))
    kills = {1: 1} if quick else {1: 6, 2: 4, 3: 2}
    largest, _, count = cut_off(lab, kills, signal.SIGKILL, draw)
    cases = f"{count} kills; {', '.join(KILLED)}" + ("" if quick else "; 1, 2 and 3 processes")
    add(Figure("kill -9 at random moments, resumed: largest difference", 0, largest, cases))
    terms = {1: 1} if quick else {1: 3, 2: 1, 3: 1}
    largest, statuses, count = cut_off(lab, terms, signal.SIGTERM, draw)
    wrong = count - statuses[143]
    add(Figure("SIGTERM at random moments: exit status not 143", 0, wrong, f"{count} times"))
    add(Figure("and resumed: largest difference", 0, largest, f"{count} trainings"))
    add(*sharded(lab, quick))
    checkouts = []
    if not quick:
        checkouts = [copy_project(folder / name) for name in ("sweep", "undisturbed", "stage")]
        add(killed_rank(lab, *checkouts[:2]))
        add(terminated_stage(checkouts[2], 3, draw))
    add(left_behind(checkouts, folder))
    return figures


PAGE = """# Exactness, measured

The table is written by `make exactness` (`benchmarks/exactness.py`), which exits with 1 when a
figure misses its bound. Differences are absolute and the largest over all weights, unless said
otherwise; 0 is equality bit for bit, of weights, curves, optimiser and schedule. Moments are drawn
uniformly over a training's duration. Processes talk by gloo on one machine's CPU; no GPU was
there.

| claim | bound | measured | cases |
|---|---|---|---|
{rows}

{machine}
"""


def page(figures: list[Figure], seconds: float) -> str:
    """The page."""
    rows = "\n".join(
        f"| {figure.claim} | {'≤ ' if figure.bound else ''}{figure.limit} |"
        f" {figure.measured:.3g}{'' if figure.holds else ' **missed**'} | {figure.cases} |"
        for figure in figures
    )
    machine = (
        f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} cores;"
        f" {seconds / 60:.0f} minutes."
    )
    return PAGE.format(rows=rows, machine=machine)


def _checkpoints(training: Training) -> list[Path]:
    return list(training.job.checkpoints.glob("*.ckpt"))


def _rows(checkout: Checkout, query: str) -> list[tuple[str]]:
    """Of the tracking database itself: plait marks dead runs when it opens the store."""
    with closing(sqlite3.connect(checkout.root / "mlruns" / "mlflow.db")) as database:
        return database.execute(query).fetchall()


def _statuses(checkout: Checkout) -> list[str]:
    return [row[0] for row in _rows(checkout, "SELECT status FROM runs")]


def _fork(run: Callable[[], int]) -> int:
    """Run a function in a child; its process number."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = run()
    except SystemExit as error:
        status = int(error.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _plait(checkout: Checkout, *arguments: str) -> "subprocess.Popen[str]":
    code = "from plait.cli import main; main()"
    return _popen(checkout, sys.executable, "-c", code, *arguments)


def _stage(checkout: Checkout) -> "subprocess.Popen[str]":
    return _popen(checkout, sys.executable, "-m", "plait.pipeline.train", "linear_regression")


def _popen(checkout: Checkout, *command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(checkout.root / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ranks(folder: Path) -> dict[int, int]:
    """Process numbers by rank of what trains below a folder; agents under −1."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().decode()
            environment = (path / "environ").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "plait.training." in command and str(folder) in command:
            number = next((line[5:] for line in environment if line.startswith("RANK=")), "-1")
            found[int(number)] = int(path.name)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


BELOW = "## What an identity"
"""Begins what `docs/exactness.md` holds beside the measured page."""


def main() -> int:
    """Measure, write the page, say what missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few cases of each, no page")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick)
    if not arguments.quick:
        path = ROOT / "docs" / "exactness.md"
        # What stands below the table is written by hand.
        _, mark, below = path.read_text(encoding="utf-8").partition(BELOW)
        write_text(path, page(figures, time.monotonic() - began) + "\n" + mark + below)
    missed = [figure for figure in figures if not figure.holds]
    for figure in missed:
        print(f"missed: {figure.claim}: {figure.measured:g} > {figure.limit}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
