"""Easy data augmentation: words replaced by synonyms, swapped, and left out at random.

Wei and Zou (2019), EDA: Easy data augmentation techniques for boosting performance on text
classification tasks; shares as in its table 3. Each copy has all three, a share of its words each.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plait.augmentation.base import AugmentationSettings
from plait.settings import Chosen, setting

if TYPE_CHECKING:
    import numpy as np

_STREAM = 0xEDA


class Settings(AugmentationSettings):
    """``augmentation: eda``."""

    synonyms: float = setting(
        "share of the words that a synonym replaces; words such as 'the' have none", ge=0, le=1
    )
    swaps: float = setting("swaps of two words, as a share of the words", ge=0, le=1)
    deletions: float = setting("chance of each word to be left out", ge=0, lt=1)
    wordnet: str = setting("folder of WordNet's files, as Debian's wordnet-base installs them")
    digest: str | None = setting("digest of WordNet's files, which pins them; null: any version")

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse a language without spaces between its words."""
        yield from super().refuses(chosen)
        if chosen["data"].model_dump().get("word_boundaries") == "none":
            yield (
                "augmentation: eda changes words, which no spaces divide here"
                " (data.word_boundaries: none); set it to null, or to back_translation"
            )


def augment(settings: Settings, texts: "np.ndarray", seed: int) -> "np.ndarray":
    """Changed copies, object (copies, rows).

    :raises UserError: if WordNet is needed and not there, or is another version.
    """
    import numpy as np
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    from plait.augmentation.wordnet import synonyms_of

    synonyms = synonyms_of(settings.wordnet, settings.digest) if settings.synonyms else {}
    # WordNet takes "a" for adenine and "he" for helium.
    synonyms = {word: words for word, words in synonyms.items() if word not in ENGLISH_STOP_WORDS}
    copies = np.empty((settings.copies, len(texts)), dtype=object)
    for copy in range(settings.copies):
        for row, text in enumerate(texts):
            rng = np.random.default_rng([_STREAM, seed, copy, row])
            words = _replaced(str(text).split(), settings.synonyms, synonyms, rng)
            words = _swapped(words, settings.swaps, rng)
            copies[copy, row] = " ".join(_shortened(words, settings.deletions, rng))
    return copies


def _replaced(
    words: list[str],
    share: float,
    synonyms: dict[str, tuple[str, ...]],
    rng: "np.random.Generator",
) -> list[str]:
    """Some of the words that have synonyms, by one of them; at least one where there is any."""
    known = [place for place, word in enumerate(words) if word.lower() in synonyms]
    wanted = min(len(known), max(1, round(share * len(words)))) if share else 0
    words = list(words)
    for place in rng.permutation(len(known))[:wanted]:
        others = synonyms[words[known[place]].lower()]
        words[known[place]] = others[int(rng.integers(len(others)))]
    return words


def _swapped(words: list[str], share: float, rng: "np.random.Generator") -> list[str]:
    words = list(words)
    for _ in range(max(1, round(share * len(words))) if share and len(words) > 1 else 0):
        one, other = (int(place) for place in rng.choice(len(words), 2, replace=False))
        words[one], words[other] = words[other], words[one]
    return words


def _shortened(words: list[str], chance: float, rng: "np.random.Generator") -> list[str]:
    """Without some of the words, but never without all."""
    kept = [
        word for word, draw in zip(words, rng.random(len(words)), strict=True) if draw >= chance
    ]
    return kept or words[:1]
