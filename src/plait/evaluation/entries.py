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


class ValidatedFold(TypedDict):
    """A fold, and what the member from which it was held out reaches on it."""

    title: str
    learnt: int
    """Rows that the member learns from."""
    held_out: int
    """Rows of the fold."""
    metrics: dict[str, float | None]
    """None where undefined."""


class CrossValidated(TypedDict):
    """The mean of a metric over all folds, and its standard error; None where there is none."""

    mean: float | None
    standard_error: float | None
    reason: NotRequired[str]


class CrossValidation(TypedDict):
    """What members reach on the rows that were held out from them."""

    folds: int
    repeats: int
    rows: int
    """Of the training part, those that were held out once at least."""
    of: int
    """Rows of the training part."""
    metrics: dict[str, CrossValidated]
    members: list[ValidatedFold]
    """Those of a repeat beside each other."""


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


class Bin(TypedDict):
    """Rows of about one probability, and how often it came true, with its Wilson interval."""

    rows: int
    stated: float
    """The mean probability."""
    frequency: float
    low: float
    high: float


class Uncalibrated(TypedDict):
    """The scores of probabilities as the model alone gives them."""

    brier_score: Stated
    error: Stated


class Decided(TypedDict):
    """How answers are made of probabilities where wrong ones have costs."""

    threshold: float | None
    """Of two classes: the probability of the second from which on it is the answer."""
    costs: list[list[float]]
    """Of the class that is so, answered as another, both in the order of the classes."""


class Calibration(TypedDict):
    """How far a model's probabilities can be taken at their word."""

    of: str
    """Whose probability it is, as it continues "the probability of"."""
    bins: list[Bin]
    """By rising probability."""
    brier_score: Stated
    error: Stated
    """The expected calibration error."""
    fitted: str | None
    """What was fitted on the calibration part, in words; None: nothing."""
    before: Uncalibrated | None
    """The scores without that."""
    by_chance: float
    """What the error of right probabilities stays below, on as many rows, at the level."""


class PredictionIntervals(TypedDict):
    """Intervals around predicted numbers, and how many truths of the test part they hold."""

    part: str | None
    """The rows whose errors made them; None: there are none."""
    rows: int
    half_width: float | None
    """Added to and taken from each prediction; None: there are no intervals."""
    mean_width: float | None
    coverage: Stated | None
    """With its Wilson interval."""
    reason: str | None
    """Why there are no intervals."""


class Details(TypedDict, total=False):
    """What a task adds; a task of one's own may derive from it, with keys of its own."""

    confusion: Confusion | None
    per_class: list[ClassScores] | None
    calibration: Calibration | None
    prediction_intervals: PredictionIntervals | None


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


class GoesWith(TypedDict):
    """The column that another goes most with, and how strongly, in [0, 1]."""

    name: str
    association: float


class ColumnImportance(TypedDict):
    """How much worse the metric becomes without a column's values."""

    name: str
    importance: Stated
    goes_with: GoesWith | None
    """A column so like it that both share their importance."""


class Importance(TypedDict):
    """Permutation importance of the columns that a model learns from."""

    metric: str
    """Its title."""
    value: float | None
    """Of the rows that are permuted, as they are."""
    rows: int
    repeats: int
    alike: float
    """The association from which on columns are said to share their importance."""
    columns: list[ColumnImportance]
    """The most important first."""
    of_no_help: list[str]
    """Columns whose interval includes zero."""
    harmful: list[str]
    """Columns whose interval lies below zero."""
    reason: str | None
    """Why there are no columns."""


class DependenceLine(TypedDict):
    """What a model says at each point: the mean over rows, and where most rows lie."""

    label: str
    mean: list[float]
    low: list[float]
    high: list[float]


class Dependence(TypedDict):
    """Partial dependence of what a model says on one column."""

    column: str
    type: str
    """The column's type in ``dataset.json``."""
    unit: str
    points: list[float | str]
    """Numbers and dates rising, or categories, the most frequent first."""
    lines: list[DependenceLine]


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


class Validation(TypedDict):
    """What the model reaches on the validation part, by metric; None where that is undefined."""

    rows: int
    metrics: dict[str, float | None]


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
    validation: Validation | None
    """None: there is no validation part. Absent in older ones."""
    baselines: dict[str, StatedBaseline]
    verdict: Verdict
    confusion: Confusion | None
    per_class: list[ClassScores] | None
    coefficients: list[Coefficient] | None
    columns: list[TreatedColumn] | None
    calibration: Calibration | None
    decision: Decided | None
    prediction_intervals: PredictionIntervals | None
    importance: Importance | None
    partial_dependence: list[Dependence]
    errors: list[WrongPrediction] | None
    sizes: Sizes | None
    members: list[StatedPredictor] | None
    """Of an ensemble. Of cross-validation, see there."""
    cross_validation: CrossValidation | None
    """Where the training part is divided into folds. Absent in older ones."""
    plots: list[Plot]


def interval_of(stated: Stated) -> tuple[float, float] | None:
    """Both ends of an interval; None where there is none."""
    low, high = stated["low"], stated["high"]
    return None if low is None or high is None else (low, high)


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """What ``metrics.json`` holds: ``test/NAME``, of a validation part ``validation/NAME``, and of
    folds ``cv/NAME`` and ``cv_error/NAME``.

    What is undefined for the rows of a part is no metric of it.
    """
    found = {f"test/{name}": entry["value"] for name, entry in evaluation["metrics"].items()}
    validation = evaluation.get("validation")
    if validation is not None:
        found |= {f"validation/{name}": value for name, value in validation["metrics"].items()}
    folds = evaluation.get("cross_validation")
    for name, told in folds["metrics"].items() if folds is not None else ():
        found |= {f"cv/{name}": told["mean"], f"cv_error/{name}": told["standard_error"]}
    return {key: value for key, value in found.items() if value is not None}
