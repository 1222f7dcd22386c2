"""Digests are what they were: runs, caches and checkpoints that there are must be found."""

import hashlib
import json
from pathlib import Path

import pytest

from plait import digests


def test_digests_of_content_are_starts_of_its_sha_256(tmp_path: Path) -> None:
    whole = hashlib.sha256("prüfe".encode()).hexdigest()
    file = tmp_path / "file"
    file.write_text("prüfe", encoding="utf-8")
    for digits in (digests.WHOLE, digests.LONG, digests.SHORT, digests.SHORTEST):
        assert digests.of_bytes("prüfe".encode(), digits) == whole[:digits]
        assert digests.of_text("prüfe", digits) == whole[:digits]
        assert digests.of_file(file, digits) == whole[:digits]
        assert digests.of_pieces([b"pr", "üfe".encode()], digits) == whole[:digits]
    assert (digests.WHOLE, digests.LONG, digests.SHORT, digests.SHORTEST) == (64, 32, 16, 6)


def test_the_digest_of_values_is_that_of_their_json_sorted_by_key() -> None:
    text = json.dumps({"a": [1, 2.5, None], "b": "ä"}, sort_keys=True)
    assert digests.of_values({"b": "ä", "a": [1, 2.5, None]}) == digests.of_text(text, 32)
    with pytest.raises(ValueError, match="not JSON compliant"):
        digests.of_values({"a": float("nan")})


def test_a_folder_is_named_by_names_and_contents(tmp_path: Path) -> None:
    for name, text in (("b", "1"), ("a/c", "2")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    one, two = digests.of_text("1"), digests.of_text("2")
    listed = f"b {one}\na/c {two}\n"
    assert digests.of_files(tmp_path, ["b", "a/c"], digests.SHORT) == digests.of_text(listed, 16)


def test_a_seed_is_the_first_four_bytes_of_a_digest() -> None:
    first = hashlib.sha256(b"7 0").digest()[:4]
    assert digests.seed_of("7 0") == int.from_bytes(first, "big") == 0x9FC5A7D9


def test_other_programs_names_are_theirs(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello\n")
    assert digests.dvc_of_file(tmp_path / "file") == "b1946ac92492d2347c6235b4d2611184"
    assert digests.dvc_of_text("hello\n") == "b1946ac92492d2347c6235b4d2611184"
    assert digests.git_of_blob(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_columns_are_hashed_chunk_by_chunk() -> None:
    grown = digests.of_rows(b"ab")
    grown.update(b"c")
    whole = hashlib.blake2b(b"abc", digest_size=16).hexdigest()
    assert grown.hexdigest() == digests.of_rows(b"abc").hexdigest() == whole
