"""The small project that is attacked, and every content that its files may be given."""

import compileall
import sys
from dataclasses import dataclass
from pathlib import Path

from checkouts import Checkout, copy_project

OWN, KEPT = "data/raw/own.csv", "data/raw/kept.csv"
"""A file of the user's in git, and one under `dvc add`."""

EXPERIMENTS: dict[str, object] = {"own": {}, "kept": {}}
"""By gradient on the one, in closed form on the other."""

MODEL = '''
"""A linear map of scaled features."""

from typing import TYPE_CHECKING

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn

FACTOR = 1.0


class Settings(NetworkSettings):
    """``model: scaled``."""

    start: float = setting("of the bias")


def build(settings: Settings, shape: Shape) -> "nn.Module":
    """(rows, inputs) to (rows,)."""
    import torch
    from torch import nn

    from plait.models.network import SqueezeOutput

    class Scaled(nn.Linear):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return super().forward(FACTOR * features)

    layer = Scaled(shape.inputs, shape.outputs)
    nn.init.constant_(layer.bias, settings.start)
    return nn.Sequential(layer, SqueezeOutput())
'''

SMALL = "evaluation: {resamples: 20, plots: {draw: false, max_points: 100}}\n"

EXPERIMENT = {
    "own": "defaults: [override /data: table, override /model: scaled, override /optimizer: sgd]\n"
    f"data: {{path: {OWN}, target: y}}\n"
    "optimizer: {lr: 0.05}\ntrainer: {max_epochs: 3}\nbatch_size: 16\n",
    "kept": "defaults: [override /data: table, override /model: least_squares]\n"
    f"data: {{path: {KEPT}, target: y}}\n",
}


@dataclass(frozen=True)
class Change:
    """An edit of a file, as old and new text; without a new one, the file ends before the old."""

    path: str
    old: str
    new: str | None

    def of(self, text: str) -> str:
        """The content that it makes of another."""
        before, found, behind = text.partition(self.old)
        assert found, f"{self.path} has no {self.old!r}"
        return before if self.new is None else before + self.new + behind


CODE = (
    Change("src/plait/models/scaled.py", "FACTOR = 1.0", "FACTOR = 2.0"),
    Change("src/plait/models/scaled.py", "FACTOR = 1.0", "# a remark\nFACTOR = 3.5"),
    Change("src/plait/models/scaled.py", "FACTOR = 1.0", "FACTOR = 1.0  # as it was"),
    Change("src/plait/models/scaled.py", "yer = Scaled(", None),
    Change("src/plait/models/network.py", ".squeeze(-1)", ".squeeze(-1) * 2"),
    Change("src/plait/models/least_squares.py", "LinearRegression()", "Ridge(alpha=30.0)"),
    Change("src/plait/training/optimizers/sgd.py", "**settings.model_dump()", "lr=0.0031"),
    Change(
        "src/plait/data/sources/table.py", "len(rows), seed=settings.seed", "len(rows), seed=77"
    ),
    Change("src/plait/data/encoders/number.py", "self.scale)[:, None]", "2.0)[:, None]"),
    Change(
        "src/plait/evaluation/metrics/regression.py",
        "return float(np.average(squared_errors(",
        "return 2.0 * float(np.average(squared_errors(",
    ),
    Change(
        "src/plait/evaluation/metrics/regression.py",
        "return float(np.average(absolute_errors(",
        "return 1 + float(np.average(absolute_errors(",
    ),
)
"""Of code: another number at the same size, at another one, with a remark alone, cut off where an
editor saved it half; and what models, optimisers, sources and metrics are made of."""

DATA = tuple(
    Change(path, old, new)
    for path in (OWN, KEPT)
    for old, new in (
        ("\n3,1,", "\n3,9,"),
        ("\n4,3,", "\n9,3,"),
        ("\n5,0,", "\n55,2,10\n5,0,"),
        ("5.0\n41,", None),
    )
)
"""Of data: another value, another row more, and cut off in mid-row."""

SETTINGS = (
    Change("conf/experiment/own.yaml", "lr: 0.05", "lr: 0.01"),
    Change("conf/experiment/own.yaml", "max_epochs: 3", "max_epochs: 4"),
    Change("conf/optimizer/sgd.yaml", "momentum: 0.0", "momentum: 0.5"),
    Change("conf/model/scaled.yaml", "start: 0.5", "start: 7.5"),
    Change("conf/model/least_squares.yaml", "ridge: 0.0", "ridge: 9.0"),
    Change("conf/config.yaml", "seed: 0", "seed: 5"),
    Change("params.yaml", "own: {}", "own: {seed: 3}"),
    Change("params.yaml", "own: {}", "own: {optimizer: {lr: 0.02}}"),
    Change("params.yaml", "kept: {}", "kept: {model: {ridge: 2.0}}"),
)

LOCKED = (
    Change("requirements.lock", "\ntorch==", "\ntorch==9."),
    Change("requirements.lock", "\nscikit-learn==", "\nscikit-learn==9."),
    Change("requirements.lock", "\nruff==", "\nruff==9."),
)

RESOLVED = (
    Change("resolved/own.yaml", "lr: 0.05", "lr: 0.03"),
    Change("resolved/own.yaml", "start: 0.5", "start: 4.5"),
    Change("resolved/own.yaml", "seed: 0\nbatch_size", "seed: 8\nbatch_size"),
    Change("resolved/kept.yaml", "ridge: 0.0", "ridge: 5.0"),
)
"""Made to what `compose` has written, wherever it stands by then."""

CHANGES = (*CODE, *DATA, *SETTINGS, *LOCKED)


def make(folder: Path) -> Checkout:
    """The project in a new folder, committed, its data in place."""
    checkout = copy_project(folder)
    checkout.append("src/plait/models/scaled.py", MODEL.lstrip())
    checkout.append("conf/model/scaled.yaml", "start: 0.5\n")
    for name, text in EXPERIMENT.items():
        head = f"# @package _global_\ndescription: The experiment {name}\n"
        checkout.append(f"conf/experiment/{name}.yaml", head + text + SMALL)
    for path, slope in ((OWN, 2), (KEPT, 3)):
        rows = (f"{x},{x * 7 % 5},{slope * x + x * x % 11}.0\n" for x in range(60))
        checkout.append(path, "a,b,y\n" + "".join(rows))
    list_experiments(checkout, *EXPERIMENTS)
    checkout.run(sys.executable, "-m", "dvc", "add", "--quiet", KEPT)
    checkout.commit("a small project")
    compileall.compile_dir(folder / "src", quiet=1)
    return checkout


def list_experiments(checkout: Checkout, *names: str) -> None:
    """In ``params.yaml``, in the words that `CHANGES` look for."""
    lines = "".join(f"  {name}: {{}}\n" for name in names)
    (checkout.root / "params.yaml").write_text(f"experiments:\n{lines}", encoding="utf-8")
