"""Evaluation on the held-out parts: numbers, intervals, baselines, verdict, plots."""

from dataclasses import replace
from typing import TYPE_CHECKING

from plait.artifacts import write_json
from plait.data.dataset import Dataset
from plait.errors import ConfigurationError, UserError
from plait.evaluation import texts
from plait.evaluation.closed_form import ClosedForm, closed_form, coefficient_table
from plait.evaluation.columns import treated
from plait.evaluation.cross_validation import cross_validated
from plait.evaluation.decided import all_viewed, cheapest, of_view
from plait.evaluation.effects import effects
from plait.evaluation.entries import (
    Coefficient,
    Decided,
    Evaluation,
    Resampled,
    StatedBaseline,
    StatedMetric,
    metrics_of,
)
from plait.evaluation.intervals import Measure, Resampling, Samples, resample
from plait.evaluation.metrics import Metric, default_of_task, of_task
from plait.evaluation.parts import Answered, Parts
from plait.evaluation.plots.canvas import evenly
from plait.evaluation.plots.draw import draw
from plait.evaluation.predicted_rows import write_rows
from plait.evaluation.settings import Settings, check
from plait.evaluation.stated import MODEL, number, of_baseline, of_predictor, stated
from plait.evaluation.task import Assessment, Baseline, evaluation_of
from plait.evaluation.validation import on_validation
from plait.models.follows import Decision
from plait.workspace import Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.models.trained import TrainedModel

CHUNK_ROWS = 8192
"""Rows predicted at once; metrics are of all rows together, so that no number depends on it."""

LEAST_UNITS = 20
"""Fewest groups, or times, to be drawn whole; with fewer, rows are drawn one by one."""

UNIT = "values of "
"""How evaluation.json calls what is drawn together: with a column's name behind it."""


def evaluate(
    model: "TrainedModel",
    parts: Parts,
    dataset: Dataset,
    settings: Settings,
    outputs: Outputs,
    curves: "pd.DataFrame",
) -> Evaluation:
    """Measure a model and write ``outputs["metrics"]`` and the folder ``outputs["evaluation"]``.

    The folder gets ``evaluation.json``, ``predictions.parquet``, ``out_of_fold.parquet`` if there
    are folds; ``outputs["plots"]`` PNG files; ``outputs["predictions"]`` rows for DVC's plots.

    :param model: what is measured.
    :param dataset: the parts' description.
    :param settings: the section ``evaluation``.
    :param outputs: where to write.
    :param curves: a row an epoch: ``epoch``, ``train/loss``, perhaps ``val/loss``, …
    :returns: what ``evaluation.json`` holds.
    :raises UserError: for a prediction that is no finite number.
    :raises ConfigurationError: for a metric that does not fit the data set.
    """
    chosen = select(settings, dataset, model.decision is not None)
    task, train, test = evaluation_of(dataset.task), parts.train, parts.test
    assessment, resampled, members = _assess(model, parts, dataset, settings)
    solved = None if model.coefficients() is None else closed_form(train, dataset)
    others = _compared(train, test, dataset, solved, model.decision)
    samples = _measured(assessment, chosen, others, members)
    metrics, compared = _stated_metrics(samples, chosen, others)
    primary, has_texts = next(iter(chosen)), bool(dataset.names("text"))
    evaluation: Evaluation = {
        "task": dataset.task,
        "rows": len(test),
        "weight": next(iter(dataset.names("weight")), None),
        "level": settings.confidence_level,
        "resamples": settings.resamples,
        "resampled": resampled,
        "primary": primary,
        "metrics": metrics,
        "validation": on_validation(assessment, chosen),
        "baselines": compared,
        "verdict": task.verdict(metrics[primary], compared, settings.confidence_level),
        "confusion": None,
        "per_class": None,
        "coefficients": _coefficients(model, solved, dataset),
        "columns": treated(model, train, test),
        "calibration": None,
        "decision": _decided(model),
        "prediction_intervals": None,
        **effects(model, assessment, chosen[primary], settings),
        "errors": texts.worst_errors(assessment) if has_texts else None,
        "sizes": texts.sizes(model, {"train": train, "test": test}, outputs) if has_texts else None,
        "cross_validation": cross_validated(model, parts, dataset, chosen, predict, outputs),
        "members": [of_predictor(each, samples, chosen, primary) for each in members] or None,
        "plots": [],
        **task.details(assessment),
    }
    evaluation["plots"] = draw(outputs["plots"], evaluation, assessment, settings.plots, curves)
    _write(outputs, evaluation, assessment, settings.plots.max_points)
    return evaluation


def _assess(
    model: "TrainedModel", parts: Parts, dataset: Dataset, settings: Settings
) -> "tuple[Assessment, Resampled, dict[str, np.ndarray]]":
    """What is measured; what is drawn together; what an ensemble's members predict."""
    test = parts.test
    truth = evaluation_of(dataset.task).truth(test, dataset)
    predictions = [predict(member, test, dataset) for member in model.members]
    unit, name = _drawn_together(test, dataset)
    resampling = Resampling(
        settings.resamples, settings.max_bootstrap_rows, settings.confidence_level, settings.seed
    )
    average, calibration = model.average(predictions), model.calibration

    def answers(frame: "pd.DataFrame") -> "np.ndarray":
        return model.average(
            [predict(member, frame, dataset, part="held-out") for member in model.members]
        )

    answered = tuple(Answered(aside, answers) for aside in parts.set_aside)
    weights = dataset.weights(test)
    assessment = Assessment(
        *(truth, average, test, dataset, resampling, unit, weights, answered),
        decision=model.decision,
        calibration=None if calibration is None else calibration.in_words(),
        uncalibrated=None
        if calibration is None
        else replace(model, calibration=None).average(predictions),
    )
    units = len(test) if unit is None else int(unit.max()) + 1
    resampled: Resampled = {"unit": name, "units": units}
    if not model.others or parts.folds is not None:
        return assessment, resampled, {}
    members = {f"member {place}": one for place, one in enumerate(predictions, start=1)}
    return assessment, resampled, members


def _decided(model: "TrainedModel") -> Decided | None:
    """How the model answers where wrong answers have costs."""
    decision = model.decision
    if decision is None:
        return None
    return {"threshold": number(decision.threshold), "costs": decision.costs.tolist()}


def _coefficients(
    model: "TrainedModel", solved: ClosedForm | None, dataset: Dataset
) -> list[Coefficient] | None:
    """A row a coefficient, its values to the digits that are stated; None of a model without."""
    fitted = model.coefficients()
    if fitted is None:
        return None
    return [
        {
            "name": row["name"],
            "fitted": number(row["fitted"]),
            "closed_form": number(row["closed_form"]),
            "true": number(row["true"]),
        }
        for row in coefficient_table(fitted, solved, dataset.facts)
    ]


def _measured(
    assessment: Assessment,
    chosen: dict[str, Metric],
    others: list[Baseline],
    members: "dict[str, np.ndarray]",
) -> Samples:
    """Every metric of the model, the baselines and an ensemble's members on the same resamples."""
    measures: dict[str, Measure] = {name: item.function for name, item in chosen.items()}
    learnt = {MODEL: assessment.prediction, **members}
    predictions = learnt | {other.key: other.prediction for other in others}
    decision = assessment.decision
    if decision is not None:
        measures = {name: of_view(item) for name, item in chosen.items()}
        decided = {name: decision.numbers(given) for name, given in learnt.items()}
        predictions = all_viewed(predictions, decided, decision)
    return resample(
        assessment.truth,
        predictions,
        measures,
        assessment.resampling,
        assessment.unit,
        assessment.weights,
    )


def _stated_metrics(
    samples: Samples, chosen: dict[str, Metric], others: list[Baseline]
) -> tuple[dict[str, StatedMetric], dict[str, StatedBaseline]]:
    """The model's metrics, and those of the baselines."""
    primary = next(iter(chosen))
    metrics: dict[str, StatedMetric] = {
        name: {
            **stated(samples.interval(MODEL, name)),
            "direction": item.direction,
            "title": item.title,
        }
        for name, item in chosen.items()
    }
    compared = {other.key: of_baseline(other, samples, chosen, primary) for other in others}
    return metrics, compared


def select(settings: Settings, dataset: Dataset, decided: bool = False) -> dict[str, Metric]:
    """The metrics to compute, the primary one first.

    :param decided: whether wrong answers have costs.
    :raises ConfigurationError: for one that the configuration lists and that does not fit.
    """
    check(settings, dataset.task)
    known = of_task(dataset.task)
    if settings.metrics is None:
        fitting = {
            name: item
            for name, item in default_of_task(dataset.task).items()
            if (item.requires is None or item.requires in dataset.facts)
            and (decided or item.takes != "costs")
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


def predict(
    model: "TrainedModel",
    frame: "pd.DataFrame",
    dataset: Dataset,
    chunk_rows: int = CHUNK_ROWS,
    part: str = "test",
) -> "np.ndarray":
    """The model's predictions of all rows, some at a time.

    :param part: what the rows are called in an error.
    :raises UserError: for a prediction that is NaN or infinite.
    """
    import numpy as np

    prediction = np.concatenate(
        [
            model.predict(frame.iloc[start : start + chunk_rows])
            for start in range(0, len(frame), chunk_rows)
        ]
    )
    task = evaluation_of(dataset.task)
    wanted = task.shape(len(frame), dataset)
    assert prediction.shape == wanted, f"predictions of shape {prediction.shape}, not {wanted}"
    wrong = task.is_faulty(prediction)
    if wrong.any():
        (index,) = dataset.names("index")
        raise UserError(
            f"the model's prediction is no finite number for {wrong.sum()} of {len(frame)} {part}"
            f" rows (the first: row {frame[index].iloc[wrong.argmax()]});\nits training diverged:"
            " try a smaller optimizer.lr or a trainer.gradient_clip"
        )
    return prediction


def _compared(
    train: "pd.DataFrame",
    test: "pd.DataFrame",
    dataset: Dataset,
    solved: ClosedForm | None,
    decision: Decision | None,
) -> list[Baseline]:
    """The baselines: the task's naive answers, of texts the classic one, and the closed form; where
    wrong answers have costs also the cheapest single answer.
    """
    task = evaluation_of(dataset.task)
    truth_of_train = task.truth(train, dataset)
    weights = dataset.weights(train)
    found = task.naive(truth_of_train, test, dataset, weights)
    if decision is not None:
        found.append(cheapest(truth_of_train, weights, dataset.classes, decision, len(test)))
    if dataset.names("text") and dataset.classes:
        found.append(texts.classic(truth_of_train, train, test, dataset))
    if solved is not None:
        title = "the closed form of least squares"
        found.append(Baseline("closed_form", title, False, solved.predict(test)))
    return found


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


def _write(outputs: Outputs, evaluation: Evaluation, assessment: Assessment, points: int) -> None:
    """All rows as Parquet, evenly chosen ones as CSV for DVC's plots, and the numbers."""
    test, truth, prediction = assessment.test, assessment.truth, assessment.prediction
    said = write_rows(
        *(outputs, "predictions", test, truth, prediction, assessment.dataset, assessment.decision)
    )
    shown = said[["truth", "prediction"]]
    shown.iloc[evenly(len(shown), points)].to_csv(
        outputs["predictions"], index=False, float_format="%.8g"
    )
    write_json(outputs.mark("evaluation"), evaluation)
    write_json(outputs["metrics"], metrics_of(evaluation))
