"""Pretraining on texts without labels: by the loop of everything else, as a stage of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkouts import Checkout, copy_project
from finetuning.tiny import EXPERIMENT, sentences, write_model
from plait.config.compose import Project
from plait.config.levels import read_yaml
from plait.errors import UserError
from plait.models.counter_rng import CounterRNG
from plait.models.language_model import TokenBatch
from plait.models.masked_language_model import NOTHING, Masking
from plait.pretraining.domain import Settings, pretrain
from training.fitting import Lab, cut_off

BATCH = TokenBatch(
    torch.arange(5, 5 + 40 * 50).view(40, 50) % 190 + 5, torch.ones(40, 50, dtype=torch.int64)
)


def masking(share: float = 0.15) -> Masking:
    layer = Masking(share, 4, (2, 3), 200)
    layer.draws = CounterRNG(7)
    return layer


def test_a_share_of_the_words_is_chosen_and_most_of_those_are_hidden() -> None:
    shown, wanted = masking()(BATCH)
    chosen = wanted != NOTHING
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.02)
    assert (wanted[chosen] == BATCH.ids[chosen]).all()
    assert (shown[~chosen] == BATCH.ids[~chosen]).all()
    hidden = (shown[chosen] == 4).float().mean().item()
    same = (shown[chosen] == BATCH.ids[chosen]).float().mean().item()
    assert hidden == pytest.approx(0.8, abs=0.06)
    assert same == pytest.approx(0.1, abs=0.05)


def test_the_choice_depends_on_seed_step_and_text_alone() -> None:
    layer = masking()
    _, first = layer(BATCH)
    assert (layer(BATCH)[1] == first).all()
    alone = TokenBatch(BATCH.ids[3:5], BATCH.mask[3:5])
    assert (layer(alone)[1] == first[3:5]).all()
    longer = TokenBatch(
        torch.nn.functional.pad(alone.ids, (0, 9)), torch.nn.functional.pad(alone.mask, (0, 9))
    )
    assert (layer(longer)[1][:, :50] == first[3:5]).all()
    assert (layer(longer)[1][:, 50:] == NOTHING).all()
    layer.draws.step = 1
    assert (layer(BATCH)[1] != first).any()
    layer.draws.step, layer.draws.seed = 0, 8
    assert (layer(BATCH)[1] != first).any()


def test_what_is_held_out_is_hidden_alike_in_every_epoch() -> None:
    layer = masking().eval()
    _, first = layer(BATCH)
    layer.draws.step = 5
    assert (layer(BATCH)[1] == first).all()


def test_special_tokens_are_never_chosen() -> None:
    ids = BATCH.ids.clone()
    ids[:, 0], ids[:, -1] = 2, 3
    _, wanted = masking(0.9)(TokenBatch(ids, BATCH.mask))
    assert (wanted[:, [0, -1]] == NOTHING).all()


def test_in_a_short_text_one_word_is_hidden_at_least() -> None:
    ids = torch.randint(5, 200, (300, 6), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = 2, 3
    _, wanted = masking()(TokenBatch(ids, torch.ones_like(ids)))
    assert (wanted != NOTHING).any(1).all()
    alone, empty = TokenBatch(ids[7:8], torch.ones_like(ids[7:8])), ids[:1, [0, -1]]
    assert (masking()(alone)[1] == wanted[7:8]).all()
    assert (masking()(TokenBatch(empty, torch.ones_like(empty)))[1] == NOTHING).all()


SHORT = {"max_length": 24, "epochs": 8, "lr": 3e-3, "batch_size": 16, "val": 0.1}


def run(texts: Lab, folder: Path, **changes: Any) -> list[dict[str, float]]:
    values = read_yaml(texts.root / "conf" / "pretraining" / "domain.yaml")
    resolved = texts.resolved("tiny")
    own = {key: resolved["model"][key] for key in ("origin", "name", "revision", "digest")}
    base = changes.pop("base", own)
    more = changes.pop("placement", ())
    return pretrain(
        Settings(**{**values, **SHORT, **changes}),
        base,
        np.array(sentences(200)["text"], dtype=object),
        texts.resolved("tiny", *more),
        identity="of these words",
        folder=folder / "made",
        checkpoints=folder / "checkpoints",
    )


@pytest.mark.slow
def test_it_learns_and_gives_the_same_bytes_again(texts: Lab, tmp_path: Path) -> None:
    curves = run(texts, tmp_path / "one")
    assert curves[-1]["val/loss"] < 0.7 * curves[0]["val/loss"]
    assert run(texts, tmp_path / "two") == curves
    one, two = (tmp_path / name / "made" / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    before = load_file(texts.root / "data/raw/tiny/model.safetensors")
    after = load_file(one)
    assert all(not after[key].equal(before[key]) for key in after if "position_ids" not in key)


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_bytes(
    texts: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    often = {"epochs": 2, "placement": ("trainer.checkpoint_steps=1",)}
    undisturbed = run(texts, tmp_path / "whole", **often)
    with cut_off(15):
        run(texts, tmp_path / "cut", **often)
    capsys.readouterr()
    assert run(texts, tmp_path / "cut", **often) == undisturbed
    assert "resumed at epoch 1, step 15" in capsys.readouterr().out
    whole, cut = (tmp_path / name / "made/model.safetensors" for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


@pytest.mark.slow
def test_where_it_runs_changes_no_number(texts: Lab, tmp_path: Path) -> None:
    plain = run(texts, tmp_path / "one", epochs=1)
    saving = ("trainer.gradient_checkpointing=true", "trainer.strategy=fsdp")
    assert run(texts, tmp_path / "two", epochs=1, placement=saving) == plain


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_ranks")
def test_two_processes_are_equal_to_one(texts: Lab, tmp_path: Path) -> None:
    exact = {"epochs": 2, "precision": "64-true", "backbone_dropout": 0.0}
    alone = run(texts, tmp_path / "one", **exact)
    two = ("trainer.devices=2", "trainer.strategy=fsdp")
    together = run(texts, tmp_path / "two", **exact, placement=two)
    for one, other in zip(alone, together, strict=True):
        assert other == pytest.approx(one, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["electra", "distilbert"])
def test_other_architectures_learn_too(texts: Lab, tmp_path: Path, architecture: str) -> None:
    """ELECTRA's embeddings are narrower than its layers."""
    folder = texts.root / "data/raw" / architecture
    digest = write_model(folder, architecture)
    base = {"origin": "folder", "name": f"data/raw/{architecture}", "digest": digest}
    curves = run(texts, tmp_path, epochs=4, base={**base, "revision": None})
    assert curves[-1]["val/loss"] < curves[0]["val/loss"]


def test_texts_longer_than_the_model_takes_are_refused(texts: Lab, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pretraining\.max_length: is 80; data/raw/tiny takes at"):
        run(texts, tmp_path, max_length=80)


@pytest.mark.parametrize("path", ["/etc/hostname", "params.yaml", "data/raw/a.pdf"])
def test_the_texts_lie_under_data_raw(texts: Lab, path: str) -> None:
    values = read_yaml(texts.root / "conf" / "pretraining" / "domain.yaml")
    with pytest.raises(ValueError, match=r"must lie under data/raw|must end in"):
        Settings(**{**values, "path": path})


def test_a_model_that_hides_no_words_is_refused(texts: Lab, tmp_path: Path) -> None:
    folder = texts.root / "data/raw/without"
    digest = write_model(folder)
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("[MASK]", "[NONE]"))
    from plait.models.pretrained import Pretrained

    digest = Pretrained(folder).digest()
    values = read_yaml(texts.root / "conf" / "pretraining" / "domain.yaml")
    base = {"origin": "folder", "name": "data/raw/without", "revision": None, "digest": digest}
    with pytest.raises(UserError, match="has no token that hides a word"):
        pretrain(
            Settings(**{**values, "max_length": 24}),
            base,
            np.array(sentences(50)["text"], dtype=object),
            texts.resolved("tiny"),
            identity="of these words",
            folder=tmp_path / "made",
            checkpoints=tmp_path / "checkpoints",
        )


UNLABELLED = {"choice": "domain", "path": "data/raw/unlabelled.txt", "max_length": 24, "epochs": 2}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = copy_project(tmp_path_factory.mktemp("built") / "project")
    digest = write_model(checkout.root / "data/raw/tiny")
    sentences(120).to_csv(checkout.root / "data/raw/sentences.csv", index=False)
    text = "\n".join(sentences(150)["text"]) + "\n"
    checkout.append("data/raw/unlabelled.txt", text)
    checkout.append("conf/experiment/tiny.yaml", EXPERIMENT.replace("DIGEST", digest))
    checkout.append(
        "conf/experiment/other.yaml",
        "# @package _global_\ndescription: The same\ndefaults:\n  - tiny\n  - _self_\n",
    )
    checkout.append("data/raw/.gitignore", "tiny/\n")
    checkout.list_experiments(
        {
            "tiny": {"finetuning": "lora", "pretraining": UNLABELLED},
            "other": {"finetuning": "full", "pretraining": UNLABELLED},
        }
    )
    ran = checkout.run("dvc", "repro")
    assert "LOAD REPORT" not in ran.stderr
    assert ran.stdout.count("pretrains data/raw/tiny on 150 texts") == 1
    checkout.commit()
    return checkout


@pytest.mark.slow
def test_experiments_share_what_was_pretrained(built: Checkout) -> None:
    folders = [built.root / "results" / name / "pretrained" for name in ("tiny", "other")]
    one, two = ((folder / "model.safetensors").read_bytes() for folder in folders)
    assert one == two
    made = json.loads((built.root / "results/tiny/pretrained/pretrained.json").read_text())
    assert made["texts"] == 150


@pytest.mark.slow
def test_what_was_pretrained_is_fine_tuned_saved_and_rebuilt(built: Checkout) -> None:
    pretrained = built.root / "results/tiny/pretrained/model.safetensors"
    kept = built.root / "results/tiny/model/base/model.safetensors"
    assert kept.read_bytes() == pretrained.read_bytes()
    assert not (built.root / "results/other/model/base/model.safetensors").exists()
    assert "identical" in built.plait("rebuild", "tiny").stdout


@pytest.mark.slow
def test_a_trial_is_equal_to_the_stages(built: Checkout) -> None:
    resolved = Project(built.root).compose("tiny")
    built.plait("run", "experiment=tiny", "--fresh")
    weights = "model/weights.safetensors"
    trial = built.root / "outputs/tiny" / resolved.identity / weights
    assert trial.read_bytes() == (built.root / "results/tiny" / weights).read_bytes()


@pytest.mark.slow
def test_just_what_reads_the_texts_runs_again(built: Checkout) -> None:
    def said() -> dict[str, str]:
        lines = built.plait("why", "tiny").stdout.splitlines()
        return {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}

    assert set(said().values()) == {"up to date"}
    built.append("data/raw/unlabelled.txt", "oil prices rise again\n")
    built.plait("compose")
    now = said()
    assert now["generate"] == "up to date"
    assert now["pretrain"].startswith("runs: pretraining_files.data/raw/unlabelled.txt")
    assert now["train"] == "runs if pretrain gives something new"
