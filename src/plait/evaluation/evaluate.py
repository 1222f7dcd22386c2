"""Evaluation on the held-out test part: numbers, intervals, baselines, verdict, plots."""

import math
import shutil
from typing import TYPE_CHECKING, Any

from plait.artifacts import SIGNIFICANT_DIGITS, significant, write_json
from plait.data.dataset import Dataset
from plait.data.label_sets import chosen, indicators, sets_of
from plait.errors import ConfigurationError, UserError
from plait.evaluation import baselines, plots, texts
from plait.evaluation.baselines import Baseline
from plait.evaluation.intervals import Interval, Measure, Resampling, Samples, resample
from plait.evaluation.metrics import Metric, of_task
from plait.evaluation.metrics.classification import by_class, counts_by_class
from plait.evaluation.notation import listed, percent, readable
from plait.evaluation.settings import Settings, check
from plait.workspace import Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.models.trained import TrainedModel

CHUNK_ROWS = 8192
"""Rows predicted at once; metrics are of all rows together, so that no number depends on it."""

MODEL = "model"
"""The key of the model among the predictors that are compared."""

LEAST_UNITS = 20
"""Fewest groups, or times, to be drawn whole; with fewer, rows are drawn one by one."""

UNIT = "values of "
"""How evaluation.json calls what is drawn together: with a column's name behind it."""

RESERVED = ("truth", "prediction")


def evaluate(
    model: "TrainedModel",
    train: "pd.DataFrame",
    test: "pd.DataFrame",
    dataset: Dataset,
    settings: Settings,
    outputs: Outputs,
    curves: "pd.DataFrame",
) -> dict[str, Any]:
    """Measure a model and write ``outputs["metrics"]`` and the folder ``outputs["evaluation"]``.

    The folder gets ``evaluation.json`` and ``predictions.parquet`` (all rows);
    ``outputs["plots"]`` the PNG files; ``outputs["predictions"]`` at most
    ``settings.plots.points`` rows, for DVC's plots.

    :param model: what is measured.
    :param train: the training part, from which the baselines are made.
    :param test: the test part.
    :param dataset: both parts' description.
    :param settings: the section ``evaluation``.
    :param outputs: where to write.
    :param curves: a row an epoch: ``epoch``, ``train/loss``, perhaps ``val/loss``, …
    :returns: what ``evaluation.json`` holds.
    :raises UserError: for a prediction that is no finite number.
    :raises ConfigurationError: for a metric that does not fit the data set.
    """
    chosen = select(settings, dataset)
    primary = next(iter(chosen))
    truth = target(test, dataset)
    members = [predict(member, test, dataset) for member in model.members]
    prediction = model.average(members)
    others, fitted, solved = _compared(model, train, test, dataset)

    measures: dict[str, Measure] = {name: item.function for name, item in chosen.items()}
    unit, unit_name = _drawn_together(test, dataset)
    resampling = Resampling(settings.resamples, settings.rows, settings.level, settings.seed)
    predictions = {MODEL: prediction, **{other.key: other.prediction for other in others}}
    of_members = {f"member {number}": one for number, one in enumerate(members, start=1)}
    if model.others:
        predictions |= of_members
    samples = resample(truth, predictions, measures, resampling, unit)

    table = {
        name: {
            **_stated(samples.interval(MODEL, name)),
            "direction": item.direction,
            "title": item.title,
        }
        for name, item in chosen.items()
    }
    compared = {other.key: _baseline(other, samples, chosen, primary) for other in others}
    evaluation: dict[str, Any] = {
        "task": dataset.task,
        "rows": len(test),
        "level": settings.level,
        "resamples": settings.resamples,
        "resampled": {
            "unit": unit_name,
            "units": len(test) if unit is None else int(unit.max()) + 1,
        },
        "primary": primary,
        "metrics": table,
        "baselines": compared,
        "verdict": verdict(table[primary], compared, settings.level),
        "confusion": None,
        "per_class": None,
        "coefficients": None,
        "errors": None,
        "sizes": None,
        "members": [_alone(name, samples, chosen, primary) for name in of_members]
        if model.others
        else None,
        "plots": [],
    }
    if dataset.task == "classification":
        evaluation["confusion"] = _confusion(truth, prediction, dataset)
    if dataset.classes:
        evaluation["per_class"] = _per_class(truth, prediction, dataset, resampling, unit)
    if dataset.names("text"):
        evaluation["sizes"] = texts.sizes(model, {"train": train, "test": test}, outputs)
        if dataset.classes:
            evaluation["errors"] = texts.worst_errors(truth, prediction, test, dataset)
    if fitted is not None:
        rows = baselines.coefficient_table(fitted, solved, dataset.facts)
        evaluation["coefficients"] = [
            {key: _number(value) for key, value in row.items()} for row in rows
        ]

    outputs["evaluation"].mkdir(parents=True, exist_ok=True)
    if outputs["plots"].exists():
        shutil.rmtree(outputs["plots"])
    evaluation["plots"] = plots.draw(
        outputs["plots"], evaluation, truth, prediction, test, dataset, settings.plots, curves
    )
    _write_predictions(outputs, truth, prediction, test, dataset, settings.plots.points)
    write_json(outputs.mark("evaluation"), evaluation)
    write_json(
        outputs["metrics"],
        {
            f"test/{name}": entry["value"]
            for name, entry in table.items()
            if entry["value"] is not None
        },
    )
    return evaluation


def select(settings: Settings, dataset: Dataset) -> dict[str, Metric]:
    """The metrics to compute, the primary one first.

    :raises ConfigurationError: for one that the configuration lists and that does not fit.
    """
    check(settings, dataset.task)
    known = of_task(dataset.task)
    if settings.metrics is None:
        fitting = {
            name: item
            for name, item in known.items()
            if item.requires is None or item.requires in dataset.facts
        }
        # Of topics some are rare, and the accuracy would hardly show them.
        first = ["f1_macro"] if dataset.names("text") and "f1_macro" in fitting else []
        return {name: fitting[name] for name in (*first, *fitting)}
    for name in settings.metrics:
        needed = known[name].requires
        if needed is not None and needed not in dataset.facts:
            raise ConfigurationError(
                f"evaluation.metrics: {name!r} needs data with {needed!r},"
                f" which data={dataset.source} does not have; leave it out"
            )
    return {name: known[name] for name in settings.metrics}


def target(frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
    """The truth: float64 numbers, or the int64 numbers of classes, (rows,); of several classes in a
    row, int64 0 or 1, (rows, classes).
    """
    import numpy as np

    if dataset.task == "classification":
        return baselines.class_numbers(frame[dataset.target], dataset)
    if dataset.task == "multilabel":
        return indicators(frame[dataset.target], dataset.classes)
    return frame[dataset.target].to_numpy(np.float64)


def predict(
    model: "TrainedModel", frame: "pd.DataFrame", dataset: Dataset, chunk_rows: int = CHUNK_ROWS
) -> "np.ndarray":
    """The model's predictions of all rows, some at a time.

    :raises UserError: for a prediction that is NaN or infinite.
    """
    import numpy as np

    prediction = np.concatenate(
        [
            model.predict(frame.iloc[start : start + chunk_rows])
            for start in range(0, len(frame), chunk_rows)
        ]
    )
    wanted = (len(frame), len(dataset.classes)) if dataset.classes else (len(frame),)
    assert prediction.shape == wanted, f"predictions of shape {prediction.shape}, not {wanted}"
    wrong = ~np.isfinite(prediction.reshape(len(frame), -1)).all(axis=1)
    if wrong.any():
        (index,) = dataset.names("index")
        raise UserError(
            f"the model's prediction is no finite number for {wrong.sum()} of {len(frame)} test"
            f" rows (the first: row {frame[index].iloc[wrong.argmax()]});\nits training diverged:"
            " try a smaller optimizer.lr or a trainer.gradient_clip"
        )
    return prediction


def verdict(
    primary: dict[str, Any], compared: dict[str, dict[str, Any]], level: float
) -> dict[str, Any]:
    """How the model stands, in plain words.

    A model is better than another answer only if the whole interval of the paired difference says
    so: where zero lies in it, the difference may be chance.

    :param primary: the model's entry for the primary metric.
    :param compared: the baselines' entries.
    :param level: confidence of the intervals.
    """
    naive = [entry for entry in compared.values() if entry["naive"]]
    beaten = [entry["title"] for entry in naive if entry["difference"]["better"]]
    missed = [entry["title"] for entry in naive if not entry["difference"]["better"]]
    if primary["value"] is None:
        text = f"No verdict: {primary['title']} is {primary['reason']}."
        return {"better_than_naive": False, "headline": text, "text": text}
    parts = []
    if missed:
        parts.append(f"not better than {listed(missed, 'or')}")
    if beaten:
        parts.append(f"better than {listed(beaten)}")
    headline = "; ".join(parts)
    headline = f"{headline[0].upper()}{headline[1:]}."
    # The one that is hardest to beat speaks for all.
    hardest = max(naive, key=lambda entry: _behind(entry, primary["direction"]))
    sentences = [headline, _reason(hardest, primary, level)]
    sentences += [_beside(entry, primary) for entry in compared.values() if not entry["naive"]]
    return {"better_than_naive": not missed, "headline": headline, "text": " ".join(sentences)}


def _behind(entry: dict[str, Any], direction: str) -> float:
    """By how much the model is behind another answer; negative if ahead."""
    difference = entry["difference"]["value"]
    if difference is None:
        return math.inf
    return float(difference if direction == "minimize" else -difference)


def _reason(entry: dict[str, Any], primary: dict[str, Any], level: float) -> str:
    """The numbers behind the verdict."""
    difference = entry["difference"]
    other = readable(entry["metrics"][difference["metric"]]["value"])
    return (
        f"{primary['title']} is {readable(primary['value'])}, against {other} when"
        f" {entry['title']}; {how_sure(difference, level)}."
    )


def how_sure(difference: dict[str, Any], level: float) -> str:
    """What the interval of a difference says, as the end of a sentence."""
    if difference["low"] is None:
        return f"the difference has {difference['reason']}"
    interval = (
        f"the {percent(level)} interval of the difference,"
        f" {readable(difference['low'])} to {readable(difference['high'])},"
    )
    if difference["better"]:
        return f"{interval} leaves no doubt"
    if difference["low"] <= 0 <= difference["high"]:
        return f"{interval} includes zero, so that may be chance"
    return f"{interval} says that the model is worse"


def _beside(entry: dict[str, Any], primary: dict[str, Any]) -> str:
    """How the model stands to a solution that is not naive."""
    difference = entry["difference"]
    other = readable(entry["metrics"][difference["metric"]]["value"])
    if difference["low"] is None:
        stands = "Cannot be told from"
    elif difference["low"] <= 0 <= difference["high"]:
        stands = "Shows no difference from"
    else:
        stands = "Better than" if difference["better"] else "Behind"
    return f"{stands} {entry['title']} ({other})."


def _compared(
    model: "TrainedModel", train: "pd.DataFrame", test: "pd.DataFrame", dataset: Dataset
) -> tuple[list[Baseline], dict[str, float] | None, baselines.ClosedForm | None]:
    """The baselines; a linear regression's coefficients; the closed form, where there is one."""
    found = baselines.naive(target(train, dataset), test, dataset)
    if dataset.names("text") and dataset.classes:
        found.append(texts.classic(target(train, dataset), train, test, dataset))
    fitted = model.coefficients()
    solved = baselines.closed_form(train, dataset) if fitted is not None else None
    if solved is not None:
        found.append(
            Baseline(
                "closed_form",
                "the closed form of least squares",
                False,
                solved.predict(test),
            )
        )
    return found, fitted, solved


def _drawn_together(test: "pd.DataFrame", dataset: Dataset) -> tuple["np.ndarray | None", str]:
    """Which rows a resample draws together, and what they have in common.

    Rows of one time before rows of one group: tickers of a day move together, and there are many
    days but few tickers. Of a handful of units no resample tells how sure a number is.
    """
    import pandas as pd

    for name in (*dataset.names("time"), *dataset.names("group")):
        numbers, units = pd.factorize(test[name])
        if len(units) >= LEAST_UNITS:
            return numbers, f"{UNIT}{name}"
    return None, "rows"


def _baseline(
    other: Baseline, samples: Samples, chosen: dict[str, Metric], primary: str
) -> dict[str, Any]:
    return {
        "title": other.title,
        "naive": other.naive,
        **_alone(other.key, samples, chosen, primary),
    }


def _alone(key: str, samples: Samples, chosen: dict[str, Metric], primary: str) -> dict[str, Any]:
    """What a predictor reaches, and the model's lead over it."""
    return {
        "metrics": {name: _stated(samples.interval(key, name)) for name in chosen},
        "difference": paired_difference(samples, MODEL, key, chosen[primary]),
    }


def paired_difference(
    samples: Samples, predictor: str, other: str, metric: Metric
) -> dict[str, Any]:
    """The paired difference of two predictors, ``predictor`` less ``other``, for JSON.

    :returns: with ``better``: whether the whole interval speaks for ``predictor``.
    """
    measured = [samples.interval(key, metric.name).value for key in (predictor, other)]
    interval = _without_noise(samples.difference(predictor, other, metric.name), measured)
    return {
        "metric": metric.name,
        **_stated(interval),
        "better": metric.improves(interval.low) and metric.improves(interval.high),
    }


def _without_noise(difference: Interval, sides: list[float]) -> Interval:
    """A difference to the last digit that its sides are stated with: beyond, it is float noise."""
    size = max(abs(side) for side in sides)
    if not math.isfinite(size) or size == 0:
        return difference
    decimals = SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(size))
    low, high = (round(end, decimals) for end in (difference.low, difference.high))
    return Interval(round(difference.value, decimals), low, high, difference.undefined)


def _stated(interval: Interval) -> dict[str, Any]:
    """An interval for JSON: NaN is None, with the reason."""
    stated: dict[str, Any] = {
        "value": _number(interval.value),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }
    if stated["value"] is None:
        stated["reason"] = "undefined here"
    elif stated["low"] is None:
        stated["reason"] = "no interval: undefined in most resamples"
    if interval.undefined:
        stated["undefined_resamples"] = interval.undefined
    return stated


def _number(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return significant(value) if math.isfinite(value) else None


def _confusion(truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> dict[str, Any]:
    """Counts; a row an actual class, a column a predicted one."""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(truth, prediction.argmax(axis=1), labels=range(len(dataset.classes)))
    return {"labels": list(dataset.classes), "counts": counts.tolist()}


def _per_class(
    truth: "np.ndarray",
    prediction: "np.ndarray",
    dataset: Dataset,
    resampling: Resampling,
    unit: "np.ndarray | None",
) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support by class, with intervals."""
    import numpy as np

    classes = len(dataset.classes)

    def scores(
        truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
    ) -> "np.ndarray":
        return by_class(truth, prediction, weights).ravel()

    samples = resample(truth, {MODEL: prediction}, {"scores": scores}, resampling, unit)
    intervals = samples.intervals(MODEL, "scores")
    _, support, _ = counts_by_class(truth, prediction, np.ones(len(truth)))
    return [
        {
            "class": label,
            "precision": _stated(intervals[number]),
            "recall": _stated(intervals[classes + number]),
            "f1": _stated(intervals[2 * classes + number]),
            "support": int(support[number]),
        }
        for number, label in enumerate(dataset.classes)
    ]


def _write_predictions(
    outputs: Outputs,
    truth: "np.ndarray",
    prediction: "np.ndarray",
    test: "pd.DataFrame",
    dataset: Dataset,
    points: int,
) -> None:
    """All rows as Parquet, evenly chosen ones as CSV for DVC's plots."""
    beside = [name for role in ("index", "time", "group", "extra") for name in dataset.names(role)]
    whole = test[beside].reset_index(drop=True)
    probabilities = [f"probability_{label}" for label in dataset.classes]
    # A column of the source may bear one of our names.
    whole = whole.rename(
        columns={name: f"source_{name}" for name in beside if name in (*RESERVED, *probabilities)}
    )
    if dataset.classes:
        several = dataset.task == "multilabel"
        said = chosen(prediction) if several else prediction.argmax(axis=1)
        for name, answers in (("truth", truth), ("prediction", said)):
            whole[name] = (
                sets_of(answers, dataset.classes)
                if several
                else baselines.labels_of(answers, dataset)
            )
        for number, name in enumerate(probabilities):
            whole[name] = prediction[:, number]
    else:
        whole["truth"], whole["prediction"] = truth, prediction
    shown = whole[["truth", "prediction"]]
    whole.to_parquet(outputs["evaluation"] / "predictions.parquet", index=False)
    shown.iloc[plots.evenly(len(shown), points)].to_csv(
        outputs["predictions"], index=False, float_format="%.8g"
    )
