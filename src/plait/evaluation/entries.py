"""What ``evaluation.json`` holds."""

from typing import NotRequired, TypedDict


class Stated(TypedDict):
    """A value and its interval; None where there is none, with the reason."""

    value: float | None
    low: float | None
    high: float | None
    reason: NotRequired[str]
    undefined_resamples: NotRequired[int]


class StatedMetric(Stated):
    """What the model reaches at a metric."""

    direction: str
    title: str


class Difference(Stated):
    """The paired difference of two predictors."""

    metric: str
    better: bool
    """Whether the whole interval speaks for the first one."""


class StatedPredictor(TypedDict):
    """What a predictor reaches, and the model's lead over it."""

    metrics: dict[str, Stated]
    difference: Difference


class StatedBaseline(StatedPredictor):
    """What a baseline reaches, and the model's lead over it."""

    title: str
    naive: bool


class Verdict(TypedDict):
    """How the model stands to the naive answers."""

    better_than_naive: bool
    headline: str
    text: str


class Confusion(TypedDict):
    """Counts by actual and predicted class, both in the order of the labels."""

    labels: list[str]
    counts: list[list[int]]


ClassScores = TypedDict(
    "ClassScores",
    {"class": str, "precision": Stated, "recall": Stated, "f1": Stated, "support": int},
)
"""How a class is told from all others; its support are its rows."""


class Details(TypedDict, total=False):
    """What a task adds; a task of one's own may derive from it, with keys of its own."""

    confusion: Confusion | None
    per_class: list[ClassScores] | None


class Coefficient(TypedDict):
    """A coefficient of a linear regression, in raw units; None where unknown."""

    name: str
    fitted: float | None
    closed_form: float | None
    true: float | None


class TreatedColumn(TypedDict):
    """What became of a column, and in how many rows it had no value, or none that was known."""

    name: str
    treatment: str
    inputs: int
    missing_in_training: int
    missing_in_test: int
    unseen_in_test: int


class WrongPrediction(TypedDict):
    """A text that the model is wrong about."""

    row: int
    text: str
    truth: str
    prediction: str
    probability: float


class Sizes(TypedDict, total=False):
    """What was trained, what is saved, and how many texts were cut."""

    trained_parameters: int
    parameters: int
    saved_bytes: int
    max_length: int
    truncated: dict[str, float]
    """Shares of the texts of a part."""


class Resampled(TypedDict):
    """What a resample draws together."""

    unit: str
    units: int


class Plot(TypedDict):
    """A picture, and what it shows."""

    file: str
    title: str
    alt: str


class Picture(Plot):
    """A plot with its file's content in Base64."""

    data: str


class Evaluation(TypedDict):
    """All of it, but for what a task of one's own adds."""

    weight: str | None
    """The column of how much each row counts; None: all alike. Absent in older ones."""
    task: str
    rows: int
    level: float
    resamples: int
    resampled: Resampled
    primary: str
    metrics: dict[str, StatedMetric]
    baselines: dict[str, StatedBaseline]
    verdict: Verdict
    confusion: Confusion | None
    per_class: list[ClassScores] | None
    coefficients: list[Coefficient] | None
    columns: list[TreatedColumn] | None
    errors: list[WrongPrediction] | None
    sizes: Sizes | None
    members: list[StatedPredictor] | None
    plots: list[Plot]


def interval_of(stated: Stated) -> tuple[float, float] | None:
    """Both ends of an interval; None where there is none."""
    low, high = stated["low"], stated["high"]
    return None if low is None or high is None else (low, high)
