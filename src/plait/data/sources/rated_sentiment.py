"""Sentiment of sentences as twenty people rated them: editorials, reviews, tweets."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from plait.data import distributions
from plait.data.dataset import Column, Role, Source
from plait.data.labelled_texts import TextSettings, labelled
from plait.data.splits import NO_PART, Split, assign
from plait.settings import setting

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

REQUIREMENT = "vaderSentiment==3.3.2"
DIGEST = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
ARCHIVE = "additional_resources/hutto_ICWSM_2014.tar.gz"

FILES = {
    "editorials": "nytEditorialSnippets",
    "films": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "tweets": "tweets",
}
IN_DOCUMENTS = ("editorials", "products")
"""Of which several sentences are of one text: their numbers are document_sentence."""


class Settings(TextSettings):
    """``data: rated_sentiment``."""

    divided_by: ClassVar = ("random", "stratified", "group")

    texts: Literal["editorials", "films", "products", "tweets"] = setting(
        "kind of texts: editorials of a newspaper (5190 sentences), film reviews (10605),"
        " product reviews (3708) or tweets (4200)"
    )
    neutral_threshold: float | None = setting(
        "distance from zero up to which mean ratings, from -4 to 4, are a class of their own;"
        " null: two classes, and mean ratings of exactly zero are left out",
        gt=0,
        lt=4,
    )
    split: Split = setting("division of the rows into parts; by group: by document")

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.split.by == "group" and self.split.column != "document":
            raise ValueError("the column of groups is document; set split.column: document")
        if self.split.by != "group" and self.texts in IN_DOCUMENTS:
            raise ValueError(
                f"{self.texts} are several sentences of a document, which must not stand in two"
                " parts; set split: {by: group, column: document}"
            )
        return self

    @property
    def task(self) -> str:
        """Negative, perhaps neutral, positive."""
        return "classification"


def read(settings: Settings, root: Path) -> Source:
    """Read the sentences; the mean rating becomes a class.

    :param settings: which.
    :param root: unused; the data come from no file of the project.
    :raises UserError: if the archive can't be fetched, or is another one.
    """
    import numpy as np

    frame = _read_ratings(FILES[settings.texts])
    band = settings.neutral_threshold or 0.0
    frame["sentiment"] = np.select(
        [frame["rating"] > band, frame["rating"] < -band], ["positive", "negative"], "neutral"
    )
    kept = np.ones(len(frame), dtype=bool)
    if settings.neutral_threshold is None:
        kept = (frame["rating"] != 0).to_numpy()
    parts = np.full(len(frame), NO_PART, dtype=np.int8)
    parts[kept] = _assign(settings, frame[kept])
    frame = frame.astype({"sentiment": "str", "document": "str", "text": "str"})
    return labelled(
        settings,
        frame[["text", "sentiment", "document", "rating"]],
        parts,
        task=settings.task,
        columns=(
            Column("text", "text", "text"),
            Column("sentiment", "target", "category"),
            Column("document", _role_of_documents(settings), "category"),
            Column("rating", "extra", "number", "mean of 20 people, -4 to 4"),
        ),
        where=f"rated sentiment of {settings.texts}",
        provenance={
            "name": f"human-rated sentiment, {settings.texts}",
            "origin": f"{ARCHIVE} in the source distribution of vaderSentiment",
            "version": "vaderSentiment 3.3.2",
            "archive": f"SHA-256 {DIGEST}",
            "citation": "Hutto and Gilbert (2014), VADER: A parsimonious rule-based model for"
            " sentiment analysis of social media text, ICWSM",
        },
        licence="MIT, as vaderSentiment; the texts are their authors'",
    )


def _role_of_documents(settings: Settings) -> Role:
    """Of sentences that stand alone, the document says nothing more."""
    return "group" if settings.texts in IN_DOCUMENTS else "extra"


def _assign(settings: Settings, frame: "pd.DataFrame") -> "np.ndarray":
    return assign(
        settings.split,
        len(frame),
        seed=settings.seed,
        labels=frame["sentiment"],
        groups=frame["document"],
    )


def _read_ratings(name: str) -> "pd.DataFrame":
    """Columns document, rating and text."""
    import io
    import tarfile

    import pandas as pd

    outer = distributions.source_distribution(REQUIREMENT, DIGEST)
    inner = io.BytesIO(distributions.member(outer, ARCHIVE))
    with tarfile.open(fileobj=inner) as archive:
        file = archive.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
        assert file is not None
        frame = pd.read_csv(
            io.BytesIO(file.read()),
            sep="\t",
            quoting=3,
            header=None,
            names=["number", "rating", "text"],
            dtype={"number": "str", "text": "str"},
            keep_default_na=False,
            encoding="utf-8",
        )
    return frame.assign(document=frame["number"].str.partition("_")[0]).drop(columns="number")
