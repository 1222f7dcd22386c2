"""What is said of a text experiment beside its metrics: the classic baseline, errors, sizes."""

from typing import TYPE_CHECKING

from plait.artifacts import read_json, significant
from plait.data.dataset import Dataset
from plait.evaluation.entries import Sizes, WrongPrediction
from plait.evaluation.task import Assessment, Baseline, TaskOfClasses, evaluation_of
from plait.json_types import Values
from plait.models import estimators, tfidf
from plait.models.base import Shape
from plait.models.trained import BASE, DESCRIPTION
from plait.tasks.registry import task_named
from plait.workspace import Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.models.trained import TrainedModel

CLASSIC: dict[str, tuple[str, Values]] = {
    "spaces": (
        "TF-IDF and logistic regression",
        {"analyzer": "words", "min_ngram": 1, "max_ngram": 2, "min_df": 2, "C": 100.0},
    ),
    "none": (
        "TF-IDF of characters and logistic regression",
        {"analyzer": "characters", "min_ngram": 1, "max_ngram": 3, "min_df": 1, "C": 10.0},
    ),
}
"""By what divides words: the baseline's title and the settings of ``model: tfidf`` that it has.
Those of words are ``conf/model/tfidf.yaml``'s: of four the best at topics, labels few or many."""

NONE = "none"
"""What a row without labels is said to have."""

ERRORS = 12
"""Shown, of those that the model is surest of."""

LONGEST_SHOWN = 400
"""Characters of a text in the report."""


def classic(
    truth_of_train: "np.ndarray", train: "pd.DataFrame", test: "pd.DataFrame", dataset: Dataset
) -> Baseline:
    """TF-IDF and logistic regression on the same training texts."""
    (text,) = dataset.names("text")
    title, values = CLASSIC[str(dataset.facts.get("words", "spaces"))]
    shape = Shape(task_named(dataset.task), 1, len(dataset.classes))
    learnt = train[text].astype(str).to_numpy()
    estimator = tfidf.build(tfidf.Settings.model_validate(values), shape, seed=0)
    try:
        estimators.FAMILY.fit(estimator, learnt, truth_of_train)
    except ValueError as error:
        if "no terms remain" not in str(error):
            raise
        # No word stands in two of the texts.
        estimator = tfidf.build(
            tfidf.Settings.model_validate(values | {"min_df": 1}), shape, seed=0
        )
        estimators.FAMILY.fit(estimator, learnt, truth_of_train)
    prediction = estimators.FAMILY.predict(estimator, test[text].astype(str).to_numpy(), shape)
    return Baseline("tfidf", title, False, prediction)


def worst_errors(assessment: Assessment) -> list[WrongPrediction] | None:
    """The wrong predictions that the model is surest of, with their texts.

    :returns: a row an error; None for a task without classes.
    """
    import numpy as np

    dataset, test = assessment.dataset, assessment.test
    task = evaluation_of(dataset.task)
    if not isinstance(task, TaskOfClasses):
        return None
    (text,), (index,) = dataset.names("text"), dataset.names("index")
    truth, prediction = assessment.truth, assessment.prediction
    said, sure = task.sureness(truth, prediction)
    if assessment.decision is not None:
        said = assessment.decision.numbers(prediction)
        sure = np.where(said != truth, prediction[np.arange(len(said)), said], 0)
    wrong = np.flatnonzero(sure)
    shown = wrong[np.argsort(-sure[wrong], kind="stable")][:ERRORS]
    return [
        {
            "row": int(test[index].iloc[place]),
            "text": _shortened(str(test[text].iloc[place])),
            "truth": actual or NONE,
            "prediction": predicted or NONE,
            "probability": significant(float(sure[place]), 4),
        }
        for place, actual, predicted in zip(
            shown,
            task.in_words(assessment.truth[shown], dataset.classes),
            task.in_words(said[shown], dataset.classes),
            strict=True,
        )
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def sizes(model: "TrainedModel", parts: "dict[str, pd.DataFrame]", outputs: Outputs) -> Sizes:
    """What was trained, what is saved, and how many texts were cut.

    :param parts: by name.
    """
    described = read_json(outputs["model"] / DESCRIPTION)
    found: Sizes = {}
    if "parameters" in described:
        found["trained_parameters"] = described["trained_parameters"] * (1 + len(model.others))
        found["parameters"] = described["parameters"] * (1 + len(model.others))
    found["saved_bytes"] = sum(
        path.stat().st_size
        for path in outputs["model"].rglob("*")
        # The result of stage `pretrain`, which experiments share.
        if path.is_file() and path.parent.name != BASE
    )
    if model.finetuning is not None:
        longest = model.settings["max_length"]
        assert isinstance(longest, int)
        found["max_length"] = longest
        found["truncated"] = {
            name: significant(
                model.fitted.encode(model.preprocessor.transform(part)).truncated / len(part), 4
            )
            for name, part in parts.items()
        }
    return found
