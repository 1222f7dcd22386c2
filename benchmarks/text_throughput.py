"""Tokens a second of CPU time: plait against Hugging Face's Trainer with its default collator.

    python benchmarks/text_throughput.py [TEXTS] [ROUNDS]

Both fine-tune the default model fully on the same texts of R8, cut to 128 tokens, in batches of 32,
with AdamW; the Trainer pads each batch to its longest, as plait does, but takes rows as they come.
They run in turn, so that the machine's noise meets both; a token is one of a text, not padding.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plait.config.compose import Project
from plait.config.pairs import module_of, settings_of
from plait.data.dataset import Dataset, read_part
from plait.data.write import write
from plait.models.pretrained import find
from plait.training.fit import fit

ROOT = Path(__file__).resolve().parent.parent
LENGTH, BATCH = 128, 32


def by_plait(folder: Path, resolved: Any) -> float:
    """CPU seconds of one epoch."""
    dataset, train = Dataset.read(folder), read_part(folder, "train")
    assert train is not None
    began = time.process_time()
    fit(
        resolved,
        dataset,
        train,
        None,
        checkpoints=folder / f"checkpoints{time.monotonic_ns()}",
        observe=lambda epoch, values: None,
    )
    return time.process_time() - began


def by_trainer(folder: Path, resolved: Any) -> float:
    """CPU seconds of one epoch."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
    )

    dataset, train = Dataset.read(folder), read_part(folder, "train")
    assert train is not None
    base = find("package", resolved["model.name"], None, None).folder
    began = time.process_time()
    tokenizer = AutoTokenizer.from_pretrained(base)
    numbers = {label: number for number, label in enumerate(dataset.classes)}
    encoded = tokenizer(train["text"].tolist(), truncation=True, max_length=LENGTH)
    rows = [
        {"input_ids": ids, "attention_mask": mask, "labels": numbers[topic]}
        for ids, mask, topic in zip(
            encoded["input_ids"], encoded["attention_mask"], train["topic"], strict=True
        )
    ]
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(dataset.classes)
    )
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=BATCH,
        num_train_epochs=1,
        learning_rate=resolved["optimizer.lr"],
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    Trainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer).train()
    return time.process_time() - began


def main() -> None:
    texts, rounds = (int(argument) for argument in [*sys.argv[1:], "640", "3"][:2])
    torch.set_num_threads(1)
    resolved = Project(ROOT).compose(
        "news_topics",
        [
            *(f"data.labels={texts}", "data.split.val=0.0", "trainer.max_epochs=1"),
            *("finetuning=full", f"model.max_length={LENGTH}", f"batch_size={BATCH}"),
        ],
    )
    settings = settings_of("data", "reuters")(**resolved.settings("data"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(module_of("data", "reuters").read(settings, ROOT), "reuters", folder)
        train = read_part(folder, "train")
        assert train is not None
        base = find("package", resolved["model.name"], None, None)
        tokens = int(base.tokens(train["text"].to_numpy(dtype=object), LENGTH).lengths.sum())
        ratios = []
        for number in range(rounds):
            plait, trainer = by_plait(folder, resolved), by_trainer(folder, resolved)
            ratios.append(trainer / plait)
            print(
                f"round {number}: plait {tokens / plait:.0f} tokens/s, Trainer"
                f" {tokens / trainer:.0f} tokens/s, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"median ratio {np.median(ratios):.2f} (aim: at least 1.3)")


if __name__ == "__main__":
    main()
