"""Changed copies of training texts: what they change, what they depend on, and where they go."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkouts import ROOT
from plait.augmentation import eda
from plait.augmentation.wordnet import FILES, digest_of, synonyms_of
from plait.config.compose import Project
from plait.config.levels import read_yaml
from plait.errors import ConfigurationError, UserError

TEXTS = np.array(
    ["the big ship sails to a port", "a big profit", "unheard gibberish"], dtype=object
)

SETS = {
    "data.noun": "00001740 03 n 02 ship 0 vessel 1 001 ~ 00001930 n 0000 | a boat",
    "data.adj": "00001741 00 a 03 big 0 large(p) 0 great_big 0 000 | of size",
    "data.verb": "00001742 29 v 02 sail 0 voyage 1 000 | travel by water",
    "data.adv": "00001743 02 r 01 slowly 0 000 | not fast",
}


@pytest.fixture
def wordnet(tmp_path: Path) -> str:
    for name in FILES:
        licence = "  1 This software and database is provided\n"
        (tmp_path / name).write_text(f"{licence}{SETS[name]}\n", encoding="utf-8")
    return str(tmp_path)


def settings(wordnet: str, **changes: Any) -> eda.Settings:
    values = read_yaml(ROOT / "conf" / "augmentation" / "eda.yaml")
    return eda.Settings(**{**values, "wordnet": wordnet, "digest": None, **changes})


def test_synonyms_are_the_other_single_words_of_a_set(wordnet: str) -> None:
    assert synonyms_of(wordnet, None) == {
        **{"ship": ("vessel",), "vessel": ("ship",), "big": ("large",), "large": ("big",)},
        **{"sail": ("voyage",), "voyage": ("sail",)},
    }


def test_a_synonym_takes_a_words_place(wordnet: str) -> None:
    only = settings(wordnet, synonyms=0.3, swaps=0.0, deletions=0.0)
    (copy,) = eda.augment(only, TEXTS, seed=0)
    assert copy[0] == "the large vessel sails to a port"
    assert copy[1] == "a large profit"
    assert copy[2] == TEXTS[2]


def test_words_such_as_a_have_no_synonyms(wordnet: str) -> None:
    with (Path(wordnet) / "data.noun").open("a", encoding="utf-8") as file:
        file.write("14667900 27 n 02 adenine 0 a 0 000 | a base\n")
    assert synonyms_of(wordnet, None)["a"] == ("adenine",)
    only = settings(wordnet, synonyms=1.0, swaps=0.0, deletions=0.0)
    (copy,) = eda.augment(only, TEXTS, seed=0)
    assert copy[1] == "a large profit"


def test_where_no_spaces_divide_words_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="which no spaces divide here"):
        Project(ROOT).compose("chinese_reviews", ["augmentation=eda"])


def test_swaps_keep_all_words_and_deletions_keep_one(wordnet: str) -> None:
    swapped = settings(wordnet, synonyms=0.0, swaps=0.5, deletions=0.0, copies=5)
    for copy in eda.augment(swapped, TEXTS, seed=0):
        assert sorted(copy[0].split()) == sorted(TEXTS[0].split())
    assert any(copy[0] != TEXTS[0] for copy in eda.augment(swapped, TEXTS, seed=0))
    shortened = settings(wordnet, synonyms=0.0, swaps=0.0, deletions=0.99, copies=5)
    for copy in eda.augment(shortened, TEXTS, seed=0):
        for text, original in zip(copy, TEXTS, strict=True):
            assert text
            assert set(text.split()) <= set(original.split())


def test_a_copy_depends_on_seed_number_and_row_alone(wordnet: str) -> None:
    every = settings(wordnet, copies=3)
    copies = eda.augment(every, TEXTS, seed=1)
    assert copies.shape == (3, 3)
    assert (eda.augment(every, TEXTS, seed=1) == copies).all()
    assert (eda.augment(every, TEXTS[:2], seed=1) == copies[:, :2]).all()
    assert (eda.augment(settings(wordnet, copies=2), TEXTS, seed=1) == copies[:2]).all()
    assert (eda.augment(every, TEXTS, seed=2) != copies).any()


def test_a_wordnet_that_is_missing_or_another_is_said(tmp_path: Path, wordnet: str) -> None:
    with pytest.raises(UserError, match=r"no data.noun in .*; install Debian's wordnet-base"):
        eda.augment(settings(str(tmp_path / "nowhere")), TEXTS, seed=0)
    with pytest.raises(
        UserError, match=rf"augmentation.digest: is 00, but .* is {digest_of(wordnet)}"
    ):
        eda.augment(settings(wordnet, digest="00"), TEXTS, seed=0)


def test_without_synonyms_no_wordnet_is_needed(tmp_path: Path) -> None:
    assert len(eda.augment(settings(str(tmp_path / "nowhere"), synonyms=0.0), TEXTS, seed=0)) == 1


@pytest.mark.skipif(
    not Path("/usr/share/wordnet/data.noun").exists(), reason="needs Debian's wordnet-base"
)
def test_the_shipped_digest_is_that_of_debians_files() -> None:
    values = read_yaml(ROOT / "conf" / "augmentation" / "eda.yaml")
    assert "movie" in synonyms_of(values["wordnet"], values["digest"])["film"]


def test_columns_have_no_texts_to_change() -> None:
    with pytest.raises(ConfigurationError, match=r"'eda' changes texts, and data: builtin gives"):
        Project(ROOT).compose("wine", ["augmentation=eda"])
