"""Models that read from left to right: their last token stands for the text."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from checkouts import ROOT
from finetuning.tiny import text_lab
from plait.config.pairs import choices
from plait.models.trained import TrainedModel
from training.fitting import Lab


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def decoders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    lab = text_lab(tmp_path_factory.mktemp("decoders"), architecture=request.param)
    before = os.getcwd()
    os.chdir(lab.root)
    yield lab
    os.chdir(before)


@pytest.mark.parametrize("method", choices(ROOT / "conf", "finetuning"))
def test_every_method_fine_tunes_them(decoders: Lab, tmp_path: Path, method: str) -> None:
    outcome = decoders.fit(
        *("tiny", f"finetuning={method}", "model.pooling=last"),
        *("optimizer.lr=0.01", "trainer.max_epochs=3"),
    )
    losses = [row["train/loss"] for row in outcome.curves]
    assert min(losses[1:]) < losses[0]
    texts = pd.DataFrame({"text": ["the bank lost money", "a mine shipped grain and cut jobs"]})
    predicted = outcome.model.predict(texts)
    outcome.model.save(tmp_path)
    assert (TrainedModel.load(tmp_path).predict(texts) == predicted).all()
    # What stands behind a shorter text is not its last token.
    alone = outcome.model.predict(texts[:1])
    assert np.abs(alone - predicted[:1]).max() < 1e-6
    network = TrainedModel.load(tmp_path).fitted.eval()
    ids = torch.randint(5, 100, (4, 9), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        apart = network.finetuned(ids, torch.ones_like(ids))
        merged = network.finetuned.merge()
        assert (merged is not None) == (method in ("lora", "dora", "adalora", "ia3"))
        if merged is not None:
            together = merged(input_ids=ids, attention_mask=torch.ones_like(ids))
            assert torch.allclose(apart, together.last_hidden_state, atol=1e-5)
