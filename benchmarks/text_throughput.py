"""Tokens a second of CPU time: plait against Hugging Face's Trainer with its default collator.

    python benchmarks/text_throughput.py [TEXTS] [ROUNDS]

Both fine-tune the default model fully, in float32, on the same texts of R8, cut to 128 tokens, in
batches of 32, with AdamW; the Trainer pads each batch to its longest, as plait does, but takes rows
as they come. Texts are tokenised before, for both. They run in turn, so that the machine's noise
meets both, after a round that is not counted; a token is one of a text, not padding.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plait.config.compose import Project
from plait.config.registry import module_of, settings_of
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


def rows_of_trainer(folder: Path, base: Path) -> list[dict[str, Any]]:
    """The training texts, tokenised, as Trainer takes them."""
    from transformers import AutoTokenizer

    dataset, train = Dataset.read(folder), read_part(folder, "train")
    assert train is not None
    numbers = {label: number for number, label in enumerate(dataset.classes)}
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = tokenizer(train["text"].tolist(), truncation=True, max_length=LENGTH)
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": numbers[topic]}
        for ids, mask, topic in zip(
            encoded["input_ids"], encoded["attention_mask"], train["topic"], strict=True
        )
    ]


def by_trainer(folder: Path, resolved: Any, base: Path, rows: list[dict[str, Any]]) -> float:
    """CPU seconds of one epoch."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
    )

    began = time.process_time()
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(Dataset.read(folder).classes)
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
    # The default collator where there is a tokenizer.
    tokenizer = AutoTokenizer.from_pretrained(base)
    Trainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer).train()
    return time.process_time() - began


def main() -> None:
    texts, rounds = (int(argument) for argument in [*sys.argv[1:], "640", "3"][:2])
    torch.set_num_threads(1)
    resolved = Project(ROOT).compose(
        "news_topics",
        [
            *(f"data.n_labelled={texts}", "data.split.val=0.0", "trainer.max_epochs=1"),
            *("finetuning=full", "trainer.precision=32-true"),
            *(f"model.max_length={LENGTH}", f"batch_size={BATCH}"),
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
        rows = rows_of_trainer(folder, base.folder)
        ratios: list[float] = []
        for number in range(rounds + 1):
            plait = by_plait(folder, resolved)
            trainer = by_trainer(folder, resolved, base.folder, rows)
            if number == 0:
                continue
            ratios.append(trainer / plait)
            print(
                f"round {number}: plait {tokens / plait:.0f} tokens/s, Trainer"
                f" {tokens / trainer:.0f} tokens/s, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"median ratio {np.median(ratios):.2f} (aim: at least 1.3)")


if __name__ == "__main__":
    main()
