"""Two kinds of task that plait does not ship, as somebody would add them."""

RANKING = {
    "conf/data/shop.yaml": "people: 60\nseed: 0\nsplit: {by: random, val: 0.0, test: 0.25,"
    " calibration: 0.0, column: null, gap: 0, folds: null, repeats: 1}\n",
    "conf/model/neighbours.yaml": "count: 3\n",
    "conf/experiment/shop.yaml": """\
# @package _global_
description: What else people of a small shop would like
defaults:
  - override /data: shop
  - override /model: neighbours
evaluation: {resamples: 20}
""",
    "src/plait/data/sources/shop.py": '''\
"""People with tastes, and what they liked, in order of time."""

from pathlib import Path

from plait.data.base import SourceSettings
from plait.data.dataset import Column, Source
from plait.data.splits import Split, assign
from plait.settings import setting
from plait.tasks.label_sets import to_text

ITEMS = 12


class Settings(SourceSettings):
    """``data: shop``."""

    people: int = setting("people of the shop", ge=10)
    seed: int = setting("seed of tastes and of the split", ge=0)
    split: Split = setting("division of the people into parts")

    @property
    def task(self) -> str:
        """A ranking."""
        return "ranking"

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()


def read(settings: Settings, root: Path) -> Source:
    """A row a person; items and people are side tables."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(settings.seed)
    taste = rng.integers(2, size=settings.people)
    names = np.array([f"item {number:02}" for number in range(ITEMS)])
    chosen = [rng.permutation(ITEMS // 2) + side * ITEMS // 2 for side in taste]
    people = [f"person {number}" for number in range(settings.people)]
    frame = pd.DataFrame(
        {
            "person": people,
            "liked": [to_text(names[items[:3]]) for items in chosen],
            "next": [to_text(names[items[3:5]]) for items in chosen],
        }
    )
    return Source(
        task="ranking",
        columns=(
            Column("person", "group", "category"),
            Column("liked", "feature", "labels"),
            Column("next", "target", "labels"),
        ),
        part_of_row=assign(settings.split, len(frame), seed=settings.seed),
        chunks=[frame],
        provenance={"name": "shop", "origin": "made up"},
        licence="CC0-1.0",
        tables={
            "items": pd.DataFrame({"item": names, "side": np.arange(ITEMS) // (ITEMS // 2)}),
            "people": pd.DataFrame({"person": people, "since": np.arange(len(people))}),
        },
    )
''',
    "src/plait/tasks/ranking/__init__.py": '"""Items for each person, the best first."""\n',
    "src/plait/tasks/ranking/learning.py": '''\
"""Lists of items, learnt as 0 or 1 of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.tasks.base import Task, TargetEncoder
from plait.tasks.scaling import TargetScaling
from plait.tasks.label_sets import indicators, to_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Liked(TargetEncoder):
    """Int64 0 or 1, (rows, items)."""

    target: str
    items: tuple[str, ...]

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Mark what each person likes."""
        return indicators(frame[self.target], self.items)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"task": "ranking", "target": self.target, "items": list(self.items)}


class Ranking(Task):
    """A list of items for each person."""

    name, objective = "ranking", "squared_error"

    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> Liked:
        """The items that people of the training part have met."""
        from plait.tasks.label_sets import exploded

        (target,) = targets
        met = {*exploded(train["liked"]), *exploded(train[target])}
        return Liked(target, tuple(sorted(met)))

    def encoder(self, values: dict[str, Any]) -> Liked:
        """From plain values."""
        return Liked(values["target"], tuple(values["items"]))

    def average(self, predictions: "list[np.ndarray]") -> "np.ndarray":
        """The first member's lists."""
        return predictions[0]

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """The numbers of the items, the best first, as the text of a list."""
        import pandas as pd

        return pd.DataFrame({"prediction": [to_text(row.tolist()) for row in prediction]})


TASK = Ranking()
''',
    "src/plait/tasks/ranking/evaluation.py": '''\
"""How lists are measured: by person."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Dataset
from plait.evaluation.task import Baseline
from plait.evaluation.entries import Details, Evaluation
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.task import Assessment, TaskEvaluation
from plait.tasks.label_sets import indicators

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COUNT = 3


class Items(Details):
    """The items of the catalogue."""

    items: list[str]


class RankingEvaluation(TaskEvaluation):
    """The truth is 0 or 1, int64, (people, items); the prediction the numbers of items, int64,
    (people, 3), the best first.
    """

    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """What each person went on to like."""
        return indicators(frame[dataset.target], self._items(dataset))

    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The same popular items for all."""
        import numpy as np

        popular = np.argsort(-truth_of_train.sum(axis=0), kind="stable")[:COUNT]
        lists = np.tile(popular, (len(test), 1))
        return [Baseline("popular", "showing what is popular", True, lists)]

    def shape(self, rows: int, dataset: Dataset) -> tuple[int, ...]:
        """Three items a person."""
        return (rows, COUNT)

    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """Both as lists of items."""
        import pandas as pd

        items = self._items(dataset)
        return pd.DataFrame(
            {
                "truth": [[items[number] for number in row.nonzero()[0]] for row in truth],
                "prediction": [[items[number] for number in row] for row in prediction],
            }
        )

    def details(self, assessment: Assessment) -> Items:
        """The items, by whose order lists are read back."""
        return {"items": list(self._items(assessment.dataset))}

    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Mapping[str, Any]
    ) -> "tuple[np.ndarray, np.ndarray]":
        """By the order of the items."""
        import numpy as np

        number = {item: place for place, item in enumerate(evaluation["items"])}
        truth = np.zeros((len(predictions), len(number)), dtype=np.int64)
        for row, items in enumerate(predictions["truth"]):
            truth[row, [number[item] for item in items]] = 1
        lists = [[number[item] for item in items] for items in predictions["prediction"]]
        return truth, np.array(lists)

    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """How often each item is shown."""
        with canvas.figure("shown", "Items shown", "How often each item is shown") as figure:
            figure.add_subplot().hist(assessment.prediction.ravel())

    @staticmethod
    def _items(dataset: Dataset) -> tuple[str, ...]:
        return tuple(dataset.table("items")["item"])


EVALUATION = RankingEvaluation()
''',
    "src/plait/evaluation/metrics/ranking.py": '''\
"""Metrics of lists, the mean over people."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


@metric(task="ranking", direction="maximize", title="Recall at 3")
def recall_at_3(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The share of what a person likes that stands in the list."""
    import numpy as np

    hits = np.take_along_axis(truth, prediction, axis=1).sum(axis=1)
    return float(np.average(hits / truth.sum(axis=1), weights=weights))
''',
    "src/plait/models/neighbours.py": '''\
"""What people liked who liked the same."""

from typing import ClassVar

from plait.models.base import ModelSettings
from plait.settings import setting


class Settings(ModelSettings):
    """``model: neighbours``, whose matrix is counted when it is fitted."""

    family: ClassVar[str] = "recommender"
    tasks: ClassVar[tuple[str, ...]] = ("ranking",)

    count: int = setting("items of a list", ge=1)
''',
    "src/plait/models/recommenders.py": '''\
"""Trained recommenders: a matrix of items met together."""

import json
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from plait.models.base import ModelSettings, Shape
from plait.models.family import ModelFamily


class Counts(TypedDict):
    """What is fitted."""

    matrix: list[list[float]]
    """How often a person who liked the item of a row went on to like that of a column."""
    count: int
    """Items of a list."""


class Recommenders(ModelFamily[ModelSettings, Counts, np.ndarray]):
    """Lists of items by histories: 0 or 1, float64, (rows, items)."""

    def encode(self, settings: ModelSettings, features: np.ndarray) -> np.ndarray:
        """The same."""
        return features

    def pack(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """As arrays by name."""
        return {"features": features}

    def predict(self, fitted: Counts, features: np.ndarray, shape: Shape) -> np.ndarray:
        """The numbers of the items, (rows, count)."""
        scores = features @ np.array(fitted["matrix"], dtype=np.float64)
        scores[features > 0] = -1
        return np.argsort(-scores, axis=1, kind="stable")[:, : fitted["count"]]

    def save(self, fitted: Counts, folder: Path) -> dict[str, Any]:
        """Write the matrix."""
        (folder / "matrix.json").write_text(json.dumps(fitted), encoding="utf-8")
        return {}

    def load(
        self, folder: Path, choice: str, settings: ModelSettings, shape: Shape,
        extra: dict[str, Any],
    ) -> Counts:
        """Read the matrix."""
        counts: Counts = json.loads((folder / "matrix.json").read_text(encoding="utf-8"))
        return counts


FAMILY = Recommenders()
''',
    "src/plait/data/histories.py": '''\
"""From what people liked to the inputs of a recommender."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Dataset
from plait.data.preprocessing import Preprocessor, Settings, fit_target
from plait.tasks.base import TargetEncoder
from plait.tasks.label_sets import indicators
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Histories(Preprocessor):
    """Histories as 0 or 1 of each item of the catalogue."""

    target: TargetEncoder
    items: tuple[str, ...]

    @classmethod
    def fit(cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> "Histories":
        """The catalogue is the side table's."""
        return cls(fit_target(train, dataset, settings), tuple(dataset.table("items")["item"]))

    @property
    def width(self) -> int:
        """An input an item."""
        return len(self.items)

    def transform(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Float64, (rows, items)."""
        return indicators(frame["liked"], self.items).astype("float64")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"target": self.target.to_json(), "items": list(self.items)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Histories":
        """The inverse."""
        encoder = task_named("ranking").encoder(values["target"])
        return cls(encoder, tuple(values["items"]))


PREPROCESSOR = Histories
''',
    "src/plait/training/counting.py": '''\
"""The fit of a recommender that counts."""

import numpy as np

from plait.config.resolved import Resolved
from plait.models import recommenders
from plait.training.job import Fitted, Training, TrainingJob


def prepare(resolved: Resolved) -> str:
    """Nothing to check."""
    return "cpu"


def fit(job: TrainingJob) -> Fitted:
    """Count which items are liked together with which later ones."""
    train, count = job.train, job.resolved["model.count"]
    matrix = train.features.T @ train.targets
    model: recommenders.Counts = {"matrix": matrix.tolist(), "count": count}
    lists = recommenders.FAMILY.predict(model, train.features, job.shape)
    values = {"train/loss": float(1 - np.take_along_axis(train.targets, lists, axis=1).mean())}
    job.observe(0, values)
    return Fitted(model, [{"epoch": 0, **values}])


TRAINING = Training(prepare, fit)
''',
}

FAMILY = """\
        Family(
            *("recommender", "columns", "plait.data.histories"),
            *("plait.models.recommenders", "plait.training.counting"),
        ),
"""

PAIR = {
    "conf/data/flats.yaml": "rows: 200\nseed: 0\nsplit: {by: random, val: 0.2, test: 0.2,"
    " calibration: 0.0, column: null, gap: 0, folds: null, repeats: 1}\n",
    "conf/model/two_headed.yaml": "hidden: 8\n",
    "conf/objective/price_and_kind.yaml": "kind_weight: 1.0\n",
    "conf/experiment/flats.yaml": """\
# @package _global_
description: Price and kind of flats, each unknown of some
defaults:
  - override /data: flats
  - override /model: two_headed
trainer: {max_epochs: 3}
evaluation: {resamples: 20}
""",
    "src/plait/data/sources/flats.py": '''\
"""Flats whose price and kind are not always known."""

from pathlib import Path

from plait.data.base import SourceSettings
from plait.data.dataset import Column, Source
from plait.data.splits import Split, assign
from plait.settings import setting


class Settings(SourceSettings):
    """``data: flats``."""

    rows: int = setting("flats", ge=50)
    seed: int = setting("seed of the flats and of the split", ge=0)
    split: Split = setting("division of the flats into parts")

    @property
    def task(self) -> str:
        """Two targets of different kinds."""
        return "price_and_kind"

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()


def read(settings: Settings, root: Path) -> Source:
    """Every fifth price and every seventh kind is missing."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(settings.seed)
    size, floor = rng.normal(60, 15, settings.rows), rng.normal(3, 1, settings.rows)
    frame = pd.DataFrame({"size": size, "floor": floor, "price": 10 * size + floor})
    frame["kind"] = pd.Series(np.where(size > 60, "large", "small"), dtype="str")
    frame.loc[::5, "price"] = np.nan
    frame.loc[::7, "kind"] = None
    return Source(
        task="price_and_kind",
        columns=(
            Column("size", "feature", "number", "m2"),
            Column("floor", "feature", "number"),
            Column("price", "target", "number"),
            Column("kind", "target", "category"),
        ),
        part_of_row=assign(settings.split, len(frame), seed=settings.seed),
        chunks=[frame],
        provenance={"name": "flats", "origin": "made up"},
        licence="CC0-1.0",
        classes=("large", "small"),
    )
''',
    "src/plait/tasks/price_and_kind/__init__.py": '"""A number and a class a row."""\n',
    "src/plait/tasks/price_and_kind/learning.py": '''\
"""A number and a class a row, each of which may be missing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plait.tasks.base import Task, TargetEncoder
from plait.tasks.scaling import TargetScaling

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


@dataclass(frozen=True)
class PriceAndKind(TargetEncoder):
    """Float64, (rows, 2): the scaled price and the number of the kind, NaN where missing."""

    mean: float
    scale: float
    classes: tuple[str, ...]

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Scale prices, number kinds."""
        import numpy as np

        numbers = {label: float(number) for number, label in enumerate(self.classes)}
        kinds = frame["kind"].map(numbers).to_numpy(np.float64)
        return np.column_stack([(frame["price"] - self.mean) / self.scale, kinds])

    def decode(self, outputs: "np.ndarray") -> "np.ndarray":
        """The price in its unit."""
        decoded = outputs.copy()
        decoded[:, 0] = decoded[:, 0] * self.scale + self.mean
        return decoded

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"task": "price_and_kind", **asdict(self), "classes": list(self.classes)}


class PriceAndKindTask(Task):
    """Outputs are the price and a logit of each kind."""

    name, objective = "price_and_kind", "price_and_kind"
    unlabelled = True

    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> PriceAndKind:
        """Of the prices that are known."""
        price = train["price"]
        return PriceAndKind(float(price.mean()), float(price.std()), classes)

    def encoder(self, values: dict[str, Any]) -> PriceAndKind:
        """From plain values."""
        return PriceAndKind(values["mean"], values["scale"], tuple(values["classes"]))

    def allowed(self, target: str, classes: tuple[str, ...]) -> Sequence[str] | None:
        """The kinds."""
        return classes if target == "kind" else None

    def outputs(self, classes: Sequence[str]) -> int:
        """A price, and a logit a kind."""
        return 1 + len(classes)

    def activate(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """Probabilities behind the price."""
        import torch

        return torch.cat([outputs[:, :1], outputs[:, 1:].softmax(-1)], dim=1)

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """A column a target."""
        import pandas as pd

        kinds = [classes[number] for number in prediction[:, 1:].argmax(axis=1)]
        return pd.DataFrame({"prediction": prediction[:, 0], "prediction_kind": kinds})


TASK = PriceAndKindTask()
''',
    "src/plait/tasks/price_and_kind/evaluation.py": '''\
"""How a number and a class are measured together, where they are known."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Dataset
from plait.evaluation.task import Baseline
from plait.evaluation.entries import Evaluation
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.task import Assessment, TaskEvaluation, columns_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class PriceAndKindEvaluation(TaskEvaluation):
    """The truth is float64, (rows, 2), NaN where missing; the prediction float64, (rows, 1 +
    kinds): the price and the kinds' probabilities.
    """

    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """Price and number of the kind."""
        import numpy as np

        numbers = {label: float(number) for number, label in enumerate(dataset.classes)}
        return np.column_stack([frame["price"], frame["kind"].map(numbers)]).astype(np.float64)

    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The mean price, and every kind as likely."""
        import numpy as np

        classes = len(dataset.classes)
        answer = [np.nanmean(truth_of_train[:, 0]), *[1 / classes] * classes]
        return [Baseline("mean", "the mean", True, np.tile(answer, (len(test), 1)))]

    def shape(self, rows: int, dataset: Dataset) -> tuple[int, ...]:
        """A price and a probability a kind."""
        return (rows, 1 + len(dataset.classes))

    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """Prices and kinds."""
        table = columns_of(dataset.task, truth[:, 0], prediction, dataset)
        return table.assign(truth_kind=truth[:, 1], second=prediction[:, 2])

    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Mapping[str, Any]
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Of two kinds one probability says all."""
        import numpy as np

        second = predictions["second"]
        return (
            predictions[["truth", "truth_kind"]].to_numpy(),
            np.column_stack([predictions["prediction"], 1 - second, second]),
        )

    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """Prices beside prices."""
        with canvas.figure("prices", "Prices", "True and predicted prices") as figure:
            figure.add_subplot().plot(assessment.truth[:, 0], assessment.prediction[:, 0], "o")


EVALUATION = PriceAndKindEvaluation()
''',
    "src/plait/evaluation/metrics/price_and_kind.py": '''\
"""Metrics of what is known."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


@metric(task="price_and_kind", direction="minimize", title="Price MAE")
def price_mae(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean absolute error of the prices that are known."""
    import numpy as np

    known = ~np.isnan(truth[:, 0])
    errors = np.abs(truth[known, 0] - prediction[known, 0])
    return float(np.average(errors, weights=weights[known]))


@metric(task="price_and_kind", direction="maximize", title="Kind accuracy")
def kind_accuracy(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The share of the known kinds that are predicted."""
    import numpy as np

    known = ~np.isnan(truth[:, 1])
    right = prediction[known, 1:].argmax(axis=1) == truth[known, 1]
    return float(np.average(right, weights=weights[known]))
''',
    "src/plait/models/two_headed.py": '''\
"""A network with an output for each of two targets."""

from typing import TYPE_CHECKING, ClassVar

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn


class Settings(NetworkSettings):
    """``model: two_headed``."""

    tasks: ClassVar[tuple[str, ...]] = ("price_and_kind",)

    hidden: int = setting("units of the hidden layer", ge=1)


def build(settings: Settings, shape: Shape) -> "nn.Module":
    """(rows, inputs) to (rows, outputs)."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(shape.inputs, settings.hidden),
        nn.ReLU(),
        nn.Linear(settings.hidden, shape.outputs),
    )
''',
    "src/plait/objectives/price_and_kind.py": '''\
"""The squared error of prices and the cross-entropy of kinds, where they are known."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.base import Batch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: price_and_kind``."""

    tasks: ClassVar[tuple[str, ...]] = ("price_and_kind",)

    kind_weight: float = setting("weight of the kinds' share in the loss", ge=0)


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows; what is missing adds nothing."""
    from torch.nn.functional import cross_entropy

    def objective(model: "nn.Module", batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        outputs = model(batch.features)
        price, kind = batch.targets[:, 0], batch.targets[:, 1]
        errors = (outputs[:, 0] - price.nan_to_num()) ** 2 * ~price.isnan()
        kinds = cross_entropy(outputs[:, 1:], kind.nan_to_num().long(), reduction="none")
        losses = errors + settings.kind_weight * kinds * ~kind.isnan()
        return losses.mean(), {"price": errors.detach().mean()}

    return objective
''',
}
