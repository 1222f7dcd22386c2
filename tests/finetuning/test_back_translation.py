"""Texts translated there and back: by any model of the user's, once, beside the originals."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkouts import ROOT
from finetuning.tiny import sentences, write_tokenizer
from plait.augmentation import back_translation, translation
from plait.augmentation.back_translation import Settings
from plait.config.levels import read_yaml
from plait.errors import UserError
from plait.models.pretrained import Pretrained
from plait.workspace import cache_folder
from training.fitting import Lab

TEXTS = np.array(sentences(20)["text"], dtype=object)


def write_translator(folder: Path, seed: int) -> str:
    """A tiny T5 with random weights; gives its digest."""
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    folder.mkdir(parents=True)
    vocabulary = write_tokenizer(folder, sentences(300)["text"].tolist())
    special = {"pad_token": "[PAD]", "eos_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=vocabulary,
        **{"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
        **{"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0},
    )
    model = T5ForConditionalGeneration(config)
    torch.nn.init.normal_(model.shared.weight, std=1.0)
    model.save_pretrained(folder)
    return Pretrained(folder, translation.TRANSLATOR_PARTS).digest()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("translators")
    return {
        name: {
            **{"origin": "folder", "name": str(folder / name), "revision": None, "prefix": ""},
            "digest": write_translator(folder / name, seed),
        }
        for seed, name in enumerate(("forward_model", "backward_model"))
    }


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path / "cache"))


def settings(models: dict[str, dict[str, Any]], **changes: Any) -> Settings:
    values = read_yaml(ROOT / "conf" / "augmentation" / "back_translation.yaml")
    return Settings(**{**values, **models, "max_length": 16, **changes})


def by_hand(folder: str, text: str, best: int) -> list[str]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    inputs = tokenizer([text], return_tensors="pt", truncation=True, max_length=16)
    given = model.generate(**inputs, num_beams=4, num_return_sequences=best, max_new_tokens=16)
    return [sentence.strip() or text for sentence in tokenizer.batch_decode(given, True)]


@pytest.mark.slow
def test_a_copy_is_what_the_models_make_of_its_text(models: dict[str, dict[str, Any]]) -> None:
    copies = back_translation.augment(settings(models, copies=2), TEXTS, seed=0)
    assert copies.shape == (2, len(TEXTS))
    assert all(isinstance(text, str) and text for text in copies.ravel())
    for row in (0, 7, 19):
        (there,) = by_hand(models["forward_model"]["name"], TEXTS[row], 1)
        assert copies[:, row].tolist() == by_hand(models["backward_model"]["name"], there, 2)
    # Random models say something else than they were told.
    assert (copies[0] != TEXTS).all()


@pytest.mark.slow
def test_the_prefix_stands_before_each_text(models: dict[str, dict[str, Any]]) -> None:
    told = {**models["forward_model"], "prefix": "trade: "}
    copies = back_translation.augment(
        settings({**models, "forward_model": told}), TEXTS[:1], seed=0
    )
    (there,) = by_hand(models["forward_model"]["name"], f"trade: {TEXTS[0]}", 1)
    assert copies[:, 0].tolist() == by_hand(models["backward_model"]["name"], there, 1)


def test_what_is_translated_is_not_translated_again(
    models: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = back_translation.augment(settings(models), TEXTS, seed=0)
    said = capsys.readouterr().out
    assert said.count("translates 20 texts") == 2
    assert len(list(cache_folder("translations").glob("*.json"))) == 2

    def never(*arguments: Any) -> None:
        raise AssertionError("translated again")

    monkeypatch.setattr(translation, "_translate", never)
    assert (back_translation.augment(settings(models), TEXTS, seed=1) == first).all()
    with pytest.raises(AssertionError, match="translated again"):
        back_translation.augment(settings(models), TEXTS[:5], seed=0)


def test_a_model_that_is_missing_another_or_none_is_said(
    models: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    cases = [
        (
            {"name": "data/raw/nowhere"},
            "augmentation.forward_model.name: no folder data/raw/nowhere",
        ),
        (
            {"digest": None},
            f"augmentation.forward_model.digest: is null, .* {models['forward_model']['digest']}",
        ),
        ({"digest": "00"}, "augmentation.forward_model: .* is another model than was pinned"),
        ({"name": str(tmp_path), "digest": Pretrained(tmp_path).digest()}, "no translation model"),
    ]
    for changes, words in cases:
        other = {**models, "forward_model": {**models["forward_model"], **changes}}
        with pytest.raises(UserError, match=words):
            back_translation.augment(settings(other), TEXTS, seed=0)


def test_no_more_copies_than_beams(models: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="copies, 5, must be at most num_beams, 4"):
        settings(models, copies=5)


def test_a_translator_on_the_hub_is_pinned(models: dict[str, dict[str, Any]]) -> None:
    loose = {**models["forward_model"], "origin": "hub", "name": "someone/en-de", "digest": None}
    with pytest.raises(ValueError, match="someone/en-de on the hub may change; set revision"):
        settings(models, forward_model=loose)
    with pytest.raises(ValueError, match="'main' is no commit"):
        settings(models, forward_model={**loose, "revision": "main"})
    settings(models, forward_model={**loose, "revision": 40 * "a"})


@pytest.mark.slow
def test_copies_are_trained_on_beside_their_texts(
    texts: Lab, models: dict[str, dict[str, Any]]
) -> None:
    named = [
        f"augmentation.{name}.{key}={models[name][key]}"
        for name in ("forward_model", "backward_model")
        for key in ("name", "digest")
    ]
    chosen = ("augmentation=back_translation", "augmentation.max_length=16", *named)
    plain = texts.fit("tiny", "trainer.max_steps=2")
    augmented = texts.fit("tiny", "trainer.max_steps=2", *chosen)
    assert plain.curve("train/loss") != augmented.curve("train/loss")
