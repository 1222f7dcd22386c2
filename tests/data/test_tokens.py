"""Tokens: cut, counted, cached by content and tokenizer."""

from pathlib import Path

import numpy as np
import pytest

from plait.data.tokens import Tokens, tokenized


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path))
    return tmp_path / "tokens"


TEXTS = np.array(["a b c", "a", "a b c d e f"], dtype=object)


class Counting:
    """Numbers words by their length, ends each text with 9, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts: list[str]) -> list[list[int]]:
        self.calls += 1
        return [[*(len(word) for word in text.split()), 9] for text in texts]


def rows_of(tokens: Tokens) -> list[list[int]]:
    return [
        tokens.ids[tokens.starts[row] : tokens.starts[row + 1]].tolist()
        for row in range(len(tokens))
    ]


def test_a_text_that_is_cut_ends_as_every_text_does(cache: Path) -> None:
    tokens = tokenized(TEXTS, Counting(), "one", 4, [9])
    assert rows_of(tokens) == [[1, 1, 1, 9], [1, 9], [1, 1, 1, 9]]
    assert tokens.truncated == 1
    assert tokens.lengths.tolist() == [4, 2, 4]


def test_the_same_texts_are_tokenised_once(cache: Path) -> None:
    tokenize = Counting()
    first = tokenized(TEXTS, tokenize, "one", 4, [9])
    again = tokenized(TEXTS.copy(), tokenize, "one", 4, [9])
    assert tokenize.calls == 1
    assert rows_of(again) == rows_of(first)
    assert again.truncated == first.truncated
    assert len(list(cache.glob("*.npz"))) == 1


def test_another_tokenizer_length_or_text_never_meets_them(cache: Path) -> None:
    tokenize = Counting()
    tokenized(TEXTS, tokenize, "one", 4, [9])
    tokenized(TEXTS, tokenize, "two", 4, [9])
    tokenized(TEXTS, tokenize, "one", 5, [9])
    tokenized(TEXTS, tokenize, "one", 4, [])
    tokenized(TEXTS[::-1], tokenize, "one", 4, [9])
    joined = np.array(["a b c a", "a b c d e f"], dtype=object)
    tokenized(joined, tokenize, "one", 4, [9])
    assert tokenize.calls == 6


def test_tokens_need_not_be_kept(cache: Path) -> None:
    tokenized(TEXTS, Counting(), "one", 4, [9], keep=False)
    assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not whole", b"\x80\x04."])
def test_a_damaged_entry_is_made_anew(cache: Path, content: bytes) -> None:
    tokenize = Counting()
    first = tokenized(TEXTS, tokenize, "one", 4, [9])
    (entry,) = cache.glob("*.npz")
    entry.write_bytes(content)
    assert rows_of(tokenized(TEXTS, tokenize, "one", 4, [9])) == rows_of(first)
    assert tokenize.calls == 2


def test_without_a_cache_to_write_to_it_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path / "file"))
    assert len(tokenized(TEXTS, Counting(), "one", 4, [9])) == 3
