"""What a trial of a sweep costs beyond the calls that it makes anyway.

In turn, with another seed each time: the functions of the stages alone, called in one process
without any recording; and a trial in the worker process of the basic launcher, with its run, its
artifacts and its report in MLflow. Of both, the first is warm-up. Run it in a copy of the project:

    python benchmarks/trial_cost.py [TURNS]
"""

import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, read_part
from plait.pipeline.evaluate import evaluate
from plait.pipeline.generate import generate
from plait.sweeps.trial import Trial
from plait.sweeps.worker import Worker
from plait.training.curves import write_curves
from plait.training.fit import fit, prepare
from plait.workspace import Outputs, Workspace

OVERRIDES = ["trainer.max_epochs=20", "evaluation.resamples=100"]


def calls_alone(workspace: Workspace, resolved: Resolved, data: Path, results: Path) -> float:
    """Seconds of preparing, fitting, saving and evaluating."""
    began = time.perf_counter()
    outputs = Outputs(data, results)
    train = resolved.handed_to("train")
    prepare(train)
    part = read_part(data, "train")
    assert part is not None
    model, curves = fit(
        train,
        Dataset.read(data),
        part,
        read_part(data, "val"),
        checkpoints=results / "checkpoints",
        observe=lambda epoch, values: None,
    )
    model.save(outputs["model"])
    write_curves(outputs["curves"], curves)
    evaluate(workspace, resolved.handed_to("evaluate"), outputs)
    return time.perf_counter() - began


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    root = Path.cwd()
    workspace, project = Workspace.at(root), Project(root)

    def composed(seed: int) -> Resolved:
        return project.compose("linear_regression", [*OVERRIDES, f"seed={seed}"])

    alone, trials = [], []
    with tempfile.TemporaryDirectory() as folder, closing(Worker(root)) as worker:
        data = Path(folder) / "data"
        generate(workspace, composed(0).handed_to("generate"), Outputs(data, data))
        for turn in range(turns + 1):
            resolved = composed(1_000_000 + turn)
            alone.append(calls_alone(workspace, resolved, data, Path(folder) / str(turn)))
            began = time.perf_counter()
            trial = Trial(resolved, (f"seed={turn}",), "cost", keep_model=False, fresh=True)
            outcome = worker.run(trial, wait=True)
            trials.append(time.perf_counter() - began)
            assert outcome.status == "new", outcome
    extra = [trial - calls for trial, calls in zip(trials[1:], alone[1:], strict=True)]
    print(f"the calls alone     {statistics.median(alone[1:]):.3f} s (median of {turns})")
    print(f"a trial             {statistics.median(trials[1:]):.3f} s")
    print(
        f"a trial's own cost  {statistics.median(extra):.3f} s"
        f" ({min(extra):.3f} to {max(extra):.3f}); at most 0.3 s is the aim"
    )


if __name__ == "__main__":
    main()
