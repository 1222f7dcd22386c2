"""Tiny random transformers with tokenizers of their own, and sentences to learn from."""

import random
from pathlib import Path

import pandas as pd

from checkouts import ROOT, copy_project
from plait.models.pretrained import Pretrained
from training.fitting import Lab

PLACES = ("the bank", "the harbour", "a mine", "the farm", "our plant", "the mill")
WORDS = {
    "profit": ("earned more", "raised its dividend", "posted a gain", "beat the forecast"),
    "trade": ("shipped grain", "signed an export deal", "lowered a tariff", "bought copper"),
    "loss": ("lost money", "cut jobs", "missed the forecast", "wrote off a loan"),
}
"""By label, what such sentences say."""


def sentences(rows: int, seed: int = 0) -> pd.DataFrame:
    """Columns text and label; texts of different lengths, no two of them equal."""
    chance = random.Random(seed)
    made: dict[str, str] = {}
    while len(made) < rows:
        label = list(WORDS)[len(made) % len(WORDS)]
        parts = [
            f"{chance.choice(PLACES)} {chance.choice(WORDS[label])}, week {chance.randint(1, 999)}"
            for _ in range(chance.randint(1, 4))
        ]
        made[" and ".join(parts)] = label
    return pd.DataFrame({"text": list(made), "label": list(made.values())})


def write_tokenizer(folder: Path, texts: list[str]) -> int:
    """A WordPiece tokenizer learnt from texts; gives the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    # The latter, as BERT's, takes each Chinese character for a word.
    spaced = all(text.isascii() for text in texts)
    tokenizer.normalizer = normalizers.Lowercase() if spaced else normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=200 if spaced else 1000, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return int(tokenizer.get_vocab_size())


def write_model(
    folder: Path, architecture: str = "bert", seed: int = 0, texts: list[str] | None = None
) -> str:
    """A model of two layers with random weights; gives its digest."""
    import torch
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True)
    vocabulary = write_tokenizer(folder, texts or sentences(300)["text"].tolist())
    shared = {"vocab_size": vocabulary, "hidden_size": 32, "num_hidden_layers": 2}
    shared |= {"num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64}
    if architecture == "llama":
        shared["num_key_value_heads"] = 2
    torch.manual_seed(seed)
    model = AutoModel.from_config(AutoConfig.for_model(architecture, **shared))
    # As if pretrained: texts must not look all alike to it.
    for name, weight in model.named_parameters():
        if "embed" in name and weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    return Pretrained(folder).digest()


EXPERIMENT = """\
# @package _global_
description: Labels of tiny sentences
defaults:
  - override /data: text_table
  - override /model: encoder
  - override /optimizer: adamw
  - override /schedule: linear

data: {path: data/raw/sentences.csv, split: {val: 0.2, test: 0.2}}
model: {origin: folder, name: data/raw/tiny, digest: DIGEST, max_length: 24, head_dropout: 0.0}
batch_size: 16
optimizer: {lr: '${finetuning.lr}'}
schedule: {warmup_fraction: 0.1}
trainer: {max_epochs: 2}
"""


def text_lab(folder: Path, architecture: str = "bert", rows: int = 100) -> Lab:
    """A copy of the project with a tiny model, sentences and an experiment called ``tiny``."""
    root = copy_project(folder / "project").root
    write_experiment(root, architecture, rows)
    return Lab(folder / "lab", root)


def write_experiment(root: Path, architecture: str = "bert", rows: int = 100) -> None:
    """Put them into a copy of the project."""
    assert root != ROOT
    digest = write_model(root / "data/raw/tiny", architecture)
    sentences(rows).to_csv(root / "data/raw/sentences.csv", index=False)
    text = EXPERIMENT.replace("DIGEST", digest)
    (root / "conf/experiment/tiny.yaml").write_text(text, encoding="utf-8")
