"""Logistic regression on words or characters weighted by TF-IDF: the classic for texts.

Weights as Salton and Buckley (1988), logarithmic counts; the penalty is the L2 norm's.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from plait.models.base import Shape, TextEstimatorSettings
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(TextEstimatorSettings):
    """``model: tfidf``."""

    tasks: ClassVar[tuple[str, ...]] = ("classification", "multilabel")
    # Of a label that every training text has.
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.multiclass._ConstantPredictor",)

    analyzer: Literal["words", "characters"] = setting("units that n-grams are made of")
    min_ngram: int = setting("length of the shortest n-grams", unit="units", ge=1)
    max_ngram: int = setting("length of the longest n-grams", unit="units", ge=1, le=8)
    min_df: int = setting("fewest texts that an n-gram must occur in", unit="texts", ge=1)
    C: float = setting("inverse strength of the L2 penalty", gt=0)

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.min_ngram > self.max_ngram:
            raise ValueError(f"min_ngram {self.min_ngram} is above max_ngram {self.max_ngram}")
        return self


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """A pipeline from texts to class probabilities."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    words = settings.analyzer == "words"
    regression = LogisticRegression(C=settings.C, max_iter=1000, random_state=seed)
    return make_pipeline(
        TfidfVectorizer(
            analyzer="word" if words else "char",
            # Words of one letter too.
            token_pattern=r"(?u)\b\w+\b" if words else None,
            ngram_range=(settings.min_ngram, settings.max_ngram),
            min_df=settings.min_df,
            sublinear_tf=True,
        ),
        OneVsRestClassifier(regression) if shape.task.several else regression,
    )
