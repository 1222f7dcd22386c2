"""Models that read from left to right: their last token stands for the text."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from checkouts import ROOT
from finetuning.test_methods import check_sharded, new_network_of
from finetuning.tiny import text_lab
from plait.config.registry import choices
from plait.models.language_model import TokenBatch
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


def test_what_lies_above_the_layers_learns_at_the_full_rate(decoders: Lab) -> None:
    network = new_network_of(decoders, "finetuning=full", "finetuning.layer_decay=0.5")
    rates = network.finetuned.rates()
    norm = [name for name in rates if name in ("body.norm.weight", "body.ln_f.weight")]
    table = [name for name in rates if name in ("body.embed_tokens.weight", "body.wte.weight")]
    layers = [name for name in rates if ".0." in name]
    assert [rates[name] for name in norm] == [1.0]
    assert [rates[name] for name in table] == [0.25]
    assert {rates[name] for name in layers} == {0.5}


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_they_drop_inside_as_large_a_share_as_they_are_told(decoders: Lab, share: float) -> None:
    shares = ("model.head_dropout=0.0", f"model.backbone_dropout={share}")
    network = new_network_of(decoders, "finetuning=full", *shares).train()
    # Of the attention's own, which is no layer in Llama, as well as of what is one.
    for layer in network.modules():
        if isinstance(layer, torch.nn.Dropout) and layer is not network.dropout:
            assert layer.p == share
    ids = torch.randint(5, 100, (4, 9), generator=torch.Generator().manual_seed(0))
    batch = TokenBatch(ids, torch.ones_like(ids))
    assert torch.equal(network(batch), network(batch)) == (share == 0)


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_ranks")
def test_sharded_over_processes_they_are_equal_to_one(decoders: Lab) -> None:
    check_sharded(decoders, "finetuning=full", "model.pooling=last")
