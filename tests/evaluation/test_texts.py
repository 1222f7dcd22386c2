"""What a text experiment is told beside its metrics."""

from typing import Any

import numpy as np
import pandas as pd

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column, Dataset
from plait.evaluation import texts
from plait.evaluation.evaluate import select
from plait.evaluation.intervals import Resampling
from plait.evaluation.task import Assessment

from .conftest import describe, settings

CHINESE = ("质量很好很喜欢", "很好用推荐", "太差了退货", "很差不要买")
ENGLISH = ("very good indeed", "a good buy", "bad and broken", "so bad, do not buy")


def case(words: str = "spaces", rows: int = 40) -> tuple[Dataset, pd.DataFrame]:
    said = ENGLISH if words == "spaces" else CHINESE
    frame = pd.DataFrame(
        {
            "row": range(rows),
            "text": [f"{said[row % 4]} {row}" for row in range(rows)],
            "label": [("good", "bad")[row % 4 // 2] for row in range(rows)],
        }
    )
    dataset = describe(
        "classification",
        [
            Column("row", "index", "number"),
            Column("text", "text", "text"),
            Column("label", "target", "category"),
        ],
        classes=("bad", "good"),
        facts={"words": words},
    )
    return dataset, frame


def numbers(frame: pd.DataFrame) -> np.ndarray:
    return (frame["label"] == "good").to_numpy(np.int64)


def test_the_classic_baseline_learns_from_words_or_characters() -> None:
    for words, title in (("spaces", "TF-IDF and"), ("none", "TF-IDF of characters and")):
        dataset, frame = case(words)
        train, test = frame[:20], frame[20:]
        baseline = texts.classic(numbers(train), train, test, dataset)
        assert baseline.title.startswith(title)
        assert not baseline.naive
        assert (baseline.prediction.argmax(axis=1) == numbers(test)).all()
        assert np.allclose(baseline.prediction.sum(axis=1), 1)


def test_the_classic_baseline_is_the_model_that_can_be_chosen() -> None:
    assert texts.CLASSIC["spaces"][1] == read_yaml(ROOT / "conf/model/tfidf.yaml")


def test_a_class_that_training_lacks_gets_no_probability() -> None:
    dataset, frame = case()
    wider = describe("classification", list(dataset.columns), classes=("bad", "good", "odd"))
    baseline = texts.classic(numbers(frame), frame, frame, wider)
    assert (baseline.prediction[:, 2] == 0).all()


def test_the_surest_errors_come_first_with_their_texts() -> None:
    dataset, frame = case()
    frame.loc[3, "text"] = "long " * 200
    truth = numbers(frame)
    prediction = np.eye(2)[truth] * 0.8 + 0.1
    for row, sure in ((3, 0.9), (8, 0.6), (5, 0.7)):
        prediction[row] = [1 - sure, sure] if truth[row] == 0 else [sure, 1 - sure]
    resampling = Resampling(20, 1000, 0.95, seed=0)
    errors = texts.worst_errors(Assessment(truth, prediction, frame, dataset, resampling, None))
    assert errors is not None
    assert [error["row"] for error in errors] == [3, 5, 8]
    assert errors[0]["probability"] == 0.9
    assert (errors[1]["truth"], errors[1]["prediction"]) == ("good", "bad")
    assert len(errors[0]["text"]) == texts.LONGEST_SHOWN
    assert errors[0]["text"].endswith("…")


def test_of_texts_the_macro_f1_comes_first_unless_metrics_are_chosen() -> None:
    dataset, _ = case()
    assert next(iter(select(settings(), dataset))) == "f1_macro"
    chosen: Any = settings(metrics=["accuracy", "f1_macro"])
    assert list(select(chosen, dataset)) == ["accuracy", "f1_macro"]
