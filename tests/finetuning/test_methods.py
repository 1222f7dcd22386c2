"""Every method of fine-tuning: what it trains, what it leaves alone, what it saves."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from checkouts import ROOT
from plait.config.compose import Project
from plait.config.registry import choices, settings_of
from plait.errors import ConfigurationError, UserError
from plait.models.language_model import TokenBatch
from plait.models.language_models import padded
from plait.models.trained import TrainedModel
from plait.tasks.classification.learning import TASK as CLASSIFICATION
from plait.training.epoch_end import EpochOrder
from training.fitting import Lab, Outcome, cut_off, equal_weights

METHODS = choices(ROOT / "conf", "finetuning")
FAST = ("trainer.max_epochs=4", "optimizer.lr=0.01")
MERGING = ("lora", "dora", "adalora", "ia3")


class Watched:
    """The network that a training trains, and its weights when it begins."""

    network: Any
    before: dict[str, torch.Tensor]


@contextmanager
def watched() -> Iterator[Watched]:
    """Within it, what the next training trains is seen."""
    seen = Watched()

    def begin(callback: Any, trainer: Any, module: Any) -> None:
        seen.network = module.network
        weights = module.network.state_dict()
        seen.before = {name: value.clone() for name, value in weights.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrder, "on_train_start", begin, raising=False)
        yield seen


class Fits:
    """Trainings by method, each run once."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._done: dict[str, tuple[Outcome, Watched]] = {}

    def watched(self, method: str) -> tuple[Outcome, Watched]:
        if method not in self._done:
            with watched() as seen:
                outcome = self._lab.fit(
                    "tiny", f"finetuning={method}", "trainer.select_checkpoint=last", *FAST
                )
            self._done[method] = outcome, seen
        return self._done[method]

    def __getitem__(self, method: str) -> Outcome:
        return self.watched(method)[0]


FITS: list[Fits] = []


@pytest.fixture
def fitted(texts: Lab) -> Fits:
    if not FITS:
        FITS.append(Fits(texts))
    return FITS[0]


def equal_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_falls(fitted: Fits, method: str) -> None:
    losses = fitted[method].curve("train/loss")
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_in_mixed_precision_it_falls_as_far(fitted: Fits, texts: Lab, method: str) -> None:
    mixed = texts.fit("tiny", f"finetuning={method}", "trainer.precision=bf16-mixed", *FAST)
    ends = [outcome.curves[-1]["train/loss"] for outcome in (mixed, fitted[method])]
    assert ends[0] != ends[1]
    assert ends[0] == pytest.approx(ends[1], rel=0.1)
    assert {value.dtype for value in mixed.model.fitted.parameters()} == {torch.float32}


TOO_GREAT = 2.0**22
"""A scale at which gradients are more than half precision holds."""


@pytest.fixture
def scaler(monkeypatch: pytest.MonkeyPatch) -> torch.amp.GradScaler:
    """Lightning has 16-mixed on GPUs alone, and so has plait; torch has it on a CPU too."""
    from lightning.pytorch.plugins import MixedPrecision

    scaler = torch.amp.GradScaler("cpu", init_scale=TOO_GREAT)

    def shared_by(place: Any, precision: str) -> dict[str, Any]:
        assert precision == "16-mixed"
        return {"devices": 1, "plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}

    monkeypatch.setattr("plait.training.loop._shared_by", shared_by)
    monkeypatch.setattr("plait.training.devices.check_devices", lambda settings: None)
    return scaler


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_in_half_precision_it_falls_too_though_steps_are_skipped(
    texts: Lab, scaler: torch.amp.GradScaler, method: str
) -> None:
    longer = ("trainer.max_epochs=8", "optimizer.lr=0.01")
    half = texts.fit("tiny", f"finetuning={method}", "trainer.precision=16-mixed", *longer)
    assert 0 < scaler.get_scale() < TOO_GREAT
    losses = half.curve("train/loss")
    assert losses[-1] < losses[0]
    if method == "adalora":
        left, rank = entries_left(half)
        assert left == rank


@pytest.mark.parametrize("method", METHODS)
def test_what_is_frozen_keeps_its_bits_and_what_is_not_moves(
    texts: Lab, fitted: Fits, method: str
) -> None:
    outcome, seen = fitted.watched(method)
    before, after = seen.before, seen.network
    trained = after.trained_names()
    assert {"head.weight", "head.bias"} <= trained
    assert (trained == {"head.weight", "head.bias"}) == (method == "linear_probe")
    pretrained = load_file(texts.root / "data/raw/tiny/model.safetensors")
    frozen = 0
    for name, value in after.state_dict().items():
        if name in trained:
            continue
        assert torch.equal(value, before[name]), name
        frozen += 1
    if method != "full":
        assert frozen >= len(pretrained) // 2
    else:
        assert frozen == 0
    moved = [name for name in trained if not torch.equal(after.state_dict()[name], before[name])]
    assert len(moved) >= len(trained) * 0.8, sorted(trained - set(moved))
    # What is given back is built anew, of what was trained alone: and is the same network.
    assert equal_tensors(outcome.model.fitted.state_dict(), after.state_dict())
    encoded = outcome.model.fitted.encode(outcome.data.train["text"].to_numpy(dtype=object)[:8])
    batch = padded(encoded, np.arange(8))
    with torch.inference_mode():
        assert torch.equal(outcome.model.fitted(batch), after.eval()(batch))


@pytest.mark.parametrize("method", METHODS)
def test_only_what_was_trained_is_saved_and_gives_the_same_predictions(
    fitted: Fits, tmp_path: Path, method: str
) -> None:
    outcome = fitted[method]
    outcome.model.save(tmp_path / "model")
    saved = load_file(tmp_path / "model/weights.safetensors")
    assert saved.keys() == outcome.model.fitted.trained_names()
    again = TrainedModel.load(tmp_path / "model")
    test = outcome.data.test
    assert np.array_equal(again.predict(test), outcome.model.predict(test))
    again.save(tmp_path / "again")
    for name in ("model.json", "weights.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


@pytest.mark.parametrize("method", MERGING)
def test_merged_it_computes_the_same(fitted: Fits, tmp_path: Path, method: str) -> None:
    model = fitted[method].model
    model.save(tmp_path / "model")
    network = TrainedModel.load(tmp_path / "model").fitted
    ids = torch.randint(5, 100, (4, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    with torch.inference_mode():
        apart = network.finetuned(ids, mask)
        merged = network.finetuned.merge()
        together = merged(input_ids=ids, attention_mask=mask).last_hidden_state
    assert not [name for name, _ in merged.named_parameters() if "lora" in name or "ia3" in name]
    assert torch.allclose(apart, together, atol=1e-5)


def test_methods_that_cannot_be_merged_say_so(fitted: Fits) -> None:
    for method in sorted(set(METHODS) - set(MERGING)):
        assert fitted[method].model.fitted.finetuned.merge() is None


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_killed_in_the_middle_of_an_epoch_it_ends_with_the_same_bits(
    texts: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    overrides = (
        *("tiny", f"finetuning={method}", "trainer.max_epochs=3", "trainer.checkpoint_steps=1"),
        *(["finetuning.allocation_interval=2"] if method == "adalora" else []),
        "model.head_dropout=0.1",
    )
    undisturbed = texts.fit(*overrides)
    folder = tmp_path / "checkpoints"

    with cut_off(6):
        texts.fit(*overrides, checkpoints=folder)
    capsys.readouterr()
    resumed = texts.fit(*overrides, checkpoints=folder)
    assert "tiny: resumed at epoch 1, step 6" in capsys.readouterr().out
    assert resumed.curves == undisturbed.curves
    assert equal_weights(resumed, undisturbed)


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_ranks")
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_are_equal_to_one(texts: Lab, method: str) -> None:
    overrides = (
        *("tiny", f"finetuning={method}", "trainer.precision=64-true", "trainer.max_epochs=2"),
        *("model.backbone_dropout=0.0", "model.head_dropout=0.0"),
        *(["finetuning.dropout=0.0"] if method in ("lora", "dora", "adalora") else []),
    )
    alone = texts.fit(*overrides)
    together = texts.fit(*overrides, "trainer.devices=2")
    differences = [
        float(np.abs(alone.weights[key] - together.weights[key]).max()) for key in alone.weights
    ]
    assert max(differences) <= 1e-12
    assert together.curves == alone.curves


def check_sharded(lab: Lab, *overrides: str) -> None:
    """Trained in two processes that share the weights out, it is equal to one."""
    exactly = (
        *("trainer.precision=64-true", "trainer.max_epochs=1"),
        *("model.backbone_dropout=0.0", "model.head_dropout=0.0"),
    )
    alone = lab.fit("tiny", *exactly, *overrides)
    together = lab.fit("tiny", *exactly, *overrides, "trainer.devices=2", "trainer.strategy=fsdp")
    assert together.curves == alone.curves
    for key, value in alone.weights.items():
        assert float(np.abs(value - together.weights[key]).max()) <= 1e-12


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_ranks")
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"adalora"}))
def test_sharded_over_processes_it_is_equal_too(texts: Lab, method: str) -> None:
    check_sharded(
        *(texts, f"finetuning={method}"),
        *(["finetuning.dropout=0.0"] if method in ("lora", "dora") else []),
        *(["adversarial=fgm"] if method == "full" else []),
    )


def entries_left(outcome: Outcome) -> tuple[int, int]:
    """Of AdaLoRA's products, the entries that are not zero, and how many may be left."""
    singular = [value for name, value in outcome.weights.items() if "lora_E" in name]
    rank = outcome.model.finetuning["rank"]
    return sum(int(np.count_nonzero(value)) for value in singular), rank * len(singular)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        (("trainer.max_epochs=5",), 20),
        (("trainer.max_epochs=5", "trainer.micro_batch_size=4"), 20),
        (("trainer.max_epochs=null", "trainer.max_steps=10"), 10),
    ],
)
def test_the_budget_of_adalora_shrinks_over_the_steps_that_there_are(
    texts: Lab, changes: tuple[str, ...], steps: int
) -> None:
    shares = (
        "finetuning.warmup_fraction=0.2",
        "finetuning.final_fraction=0.3",
        "finetuning.allocation_interval=1",
    )
    left = []

    def count(callback: Any, trainer: Any, module: Any, *rest: Any) -> None:
        if trainer.global_step > len(left):
            weights = module.network.state_dict().items()
            entries = [value for name, value in weights if "lora_E" in name]
            left.append(sum(int(value.count_nonzero()) for value in entries))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochOrder, "on_train_batch_end", count, raising=False)
        outcome = texts.fit("tiny", "finetuning=adalora", *shares, *changes)
    budget = entries_left(outcome)[1]
    whole = budget * 3 // 2
    assert len(left) == steps
    # All of them while it warms up, all that may be at the end, and fewer by and by between.
    assert left[: int(0.2 * steps)] == [whole] * int(0.2 * steps)
    assert left[-int(0.3 * steps) :] == [budget] * int(0.3 * steps)
    assert left == sorted(left, reverse=True)
    assert len(set(left)) > 3


def test_adalora_ends_with_its_budget_and_logs_the_terms_apart(texts: Lab) -> None:
    outcome = texts.fit(
        *("tiny", "finetuning=adalora", "finetuning.rank=2", "finetuning.initial_rank=4"),
        *("finetuning.allocation_interval=1", "trainer.max_epochs=3"),
    )
    left, budget = entries_left(outcome)
    assert left == budget == 2 * 2 * 6
    for row in outcome.curves:
        total = row["train/cross_entropy"] + row["train/orthogonality"]
        assert row["train/loss"] == pytest.approx(total, rel=1e-6)


def test_layers_near_the_input_learn_more_slowly(texts: Lab) -> None:
    from plait.training.module import _groups

    network = new_network_of(texts, "finetuning=full", "finetuning.layer_decay=0.5")
    rates = {
        name: group["rate"]
        for group in _groups(network)
        for name, weight in network.named_parameters()
        if any(weight is other for other in group["params"])
    }
    assert rates["head.weight"] == 1.0
    assert rates["finetuned.body.encoder.layer.1.output.dense.weight"] == 1.0
    assert rates["finetuned.body.encoder.layer.0.output.dense.weight"] == 0.5
    assert rates["finetuned.body.embeddings.word_embeddings.weight"] == 0.25


@pytest.mark.parametrize(
    ("architecture", "slowest", "full"),
    [
        ("bert", ("embeddings",), ()),
        ("mpnet", ("embeddings", "relative_attention_bias"), ()),
        ("deberta-v2", ("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"), ()),
        ("opt", ("decoder.embed_",), ("decoder.final_layer_norm",)),
    ],
)
def test_what_feeds_the_first_layer_is_slowest_and_the_last_norm_fastest(
    architecture: str, slowest: tuple[str, ...], full: tuple[str, ...]
) -> None:
    from transformers import AutoConfig, AutoModel

    from plait.finetuning.full_backbone import Full

    sizes = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    more = {
        "deberta-v2": {"relative_attention": True, "norm_rel_ebd": "layer_norm"},
        "opt": {"ffn_dim": 8, "word_embed_proj_dim": 8},
    }.get(architecture, {"intermediate_size": 8})
    config = AutoConfig.for_model(architecture, **sizes, **more)
    for name, rate in Full(AutoModel.from_config(config), 0.5).rates().items():
        name = name.removeprefix("body.")
        if name.startswith(full) or ".1." in name:
            assert rate == 1.0, name
        elif ".0." in name:
            assert rate == 0.5, name
        elif not name.startswith("pooler"):
            assert "embed" in name or any(part in name for part in slowest), name
            assert rate == 0.25, name


@pytest.mark.slow
def test_rates_of_layers_and_head_reach_the_optimiser(texts: Lab) -> None:
    def moved(*overrides: str) -> dict[str, float]:
        with watched() as seen:
            texts.fit(
                *("tiny", "finetuning=full", "optimizer=sgd", "optimizer.lr=0.01"),
                *("schedule=constant", "trainer.max_epochs=null", "trainer.max_steps=1"),
                *overrides,
            )
        after = seen.network.state_dict()
        return {name: float((after[name] - seen.before[name]).norm()) for name in after}

    plain = moved("model.head_lr_multiplier=1.0", "finetuning.layer_decay=1.0")
    varied = moved("model.head_lr_multiplier=3.0", "finetuning.layer_decay=0.5")
    for name, factor in (
        ("head.weight", 3.0),
        ("finetuned.body.encoder.layer.1.output.dense.weight", 1.0),
        ("finetuned.body.encoder.layer.0.output.dense.weight", 0.5),
        ("finetuned.body.embeddings.word_embeddings.weight", 0.25),
    ):
        assert varied[name] == pytest.approx(factor * plain[name], rel=1e-3), name


def new_network_of(lab: Lab, *overrides: str) -> Any:
    from plait.models import language_models
    from plait.models.base import Shape

    resolved = lab.resolved("tiny", *overrides)
    settings = settings_of("model", "encoder")(**resolved.settings("model"))
    return language_models.FAMILY.build(
        "encoder", settings, Shape(CLASSIFICATION, 1, 3), resolved["finetuning"]
    )


def test_an_adapter_starts_from_the_pretrained_function(texts: Lab) -> None:
    plain = new_network_of(texts, "finetuning=linear_probe").eval()
    adapted = new_network_of(texts, "finetuning=adapter").eval()
    ids = torch.randint(5, 100, (4, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        difference = plain.finetuned(ids, mask) - adapted.finetuned(ids, mask)
    assert 0 < difference.abs().max() < 1e-2


def test_padding_changes_nothing(texts: Lab) -> None:
    for method in METHODS:
        network = new_network_of(texts, f"finetuning={method}").double().eval()
        ids = torch.randint(5, 100, (3, 9), generator=torch.Generator().manual_seed(0))
        mask = torch.ones_like(ids)
        longer = torch.cat([ids, torch.zeros(3, 4, dtype=torch.int64)], dim=1)
        longer_mask = torch.cat([mask, torch.zeros(3, 4, dtype=torch.int64)], dim=1)
        with torch.inference_mode():
            short = network(TokenBatch(ids, mask))
            long = network(TokenBatch(longer, longer_mask))
        assert torch.allclose(short, long, atol=1e-12, rtol=0), method


def test_a_method_without_a_place_in_the_architecture_says_what_would_do(texts: Lab) -> None:
    from plait.finetuning.bottlenecks import _ends

    with pytest.raises(ValueError, match="lora, target_modules: all"):
        _ends(torch.nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("method", "longest"), [("full", 64), ("adapter", 64), ("prefix", 44), ("prompt", 44)]
)
def test_a_text_is_as_long_as_model_and_method_allow(texts: Lab, method: str, longest: int) -> None:
    fits = (f"finetuning={method}", f"model.max_length={longest}")
    network = new_network_of(texts, *fits)
    ids = torch.randint(5, 100, (2, longest))
    assert network(TokenBatch(ids, torch.ones_like(ids))).shape == (2, 3)
    too_long = (f"finetuning={method}", f"model.max_length={longest + 1}")
    with pytest.raises(UserError, match=rf"max_length: is {longest + 1}; .* at most 64 tokens"):
        new_network_of(texts, *too_long)


def test_positions_that_stand_for_padding_hold_no_token() -> None:
    from transformers import RobertaConfig, RobertaModel

    from plait.models.language_models import longest

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = RobertaConfig(
        **{"vocab_size": 50, "intermediate_size": 8, "max_position_embeddings": 34}, **sizes
    )
    body = RobertaModel(config)
    assert longest(body) == 32
    body(input_ids=torch.full((1, 32), 7))
    with pytest.raises((IndexError, RuntimeError)):
        body(input_ids=torch.full((1, 33), 7))


def test_weights_in_several_files_are_one_model(texts: Lab, tmp_path: Path) -> None:
    from transformers import AutoModel

    from plait.models.language_models import _keep_base
    from plait.models.pretrained import Pretrained

    whole = Path("data/raw/tiny")
    body = AutoModel.from_pretrained(whole)
    body.save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    (tmp_path / "parts/tokenizer.json").write_bytes((whole / "tokenizer.json").read_bytes())
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    (tmp_path / "model").mkdir()
    _keep_base(tmp_path / "parts", tmp_path / "model", weights=True)
    (kept,) = (tmp_path / "model").iterdir()
    assert Pretrained(kept).digest() == Pretrained(tmp_path / "parts").digest()
    for name, value in Pretrained(kept).body().state_dict().items():
        assert torch.equal(value, body.state_dict()[name]), name
    (kept / "model.safetensors.index.json").unlink()
    with pytest.raises(UserError, match="no pretrained model can be read"):
        Pretrained(kept).body()


def test_lora_on_the_shipped_model_is_saved_in_less_than_two_megabytes(tmp_path: Path) -> None:
    from plait.models import language_models
    from plait.models.base import Shape

    resolved = Project(ROOT).compose("news_topics", ["finetuning=lora"])
    settings = settings_of("model", "encoder")(**resolved.settings("model"))
    network = language_models.FAMILY.build(
        "encoder", settings, Shape(CLASSIFICATION, 1, 8), resolved["finetuning"]
    )
    (tmp_path / "model").mkdir()
    told = language_models.FAMILY.save(network, tmp_path / "model")
    assert told["parameters"] > 22_000_000
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2_000_000


def test_a_model_that_changed_is_refused(texts: Lab) -> None:
    with pytest.raises(UserError, match=r"another model than was pinned: its digest is [0-9a-f]+"):
        texts.fit("tiny", "model.digest='0000'")
    with pytest.raises(UserError, match=r"set it to [0-9a-f]{32}, which it is now"):
        texts.fit("tiny", "model.digest=null")


def test_predictions_leave_no_tokens_behind(
    fitted: Fits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = fitted["lora"]
    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path))
    outcome.model.predict(outcome.data.test)
    assert list(tmp_path.rglob("*")) == []


def test_a_changed_tokenizer_never_meets_what_another_made(
    texts: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plait.models.pretrained import Pretrained

    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path / "cache"))
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        shutil.copy(texts.root / "data/raw/tiny/tokenizer.json", folder)
    text = (other / "tokenizer.json").read_text()
    changed = text.replace('"Lowercase"', '"StripAccents"')
    assert changed != text
    (other / "tokenizer.json").write_text(changed)
    said = np.array(["The Bank lost money"], dtype=object)
    made = [Pretrained(folder).tokens(said, 24).ids.tolist() for folder in (one, other, one)]
    assert made[0] != made[1]
    assert made[0] == made[2]
    assert len(list((tmp_path / "cache/tokens").iterdir())) == 2


def test_a_batch_is_as_wide_as_its_longest_row() -> None:
    from plait.data.tokens import Tokens

    tokens = Tokens(np.arange(1, 11, dtype=np.int32), np.array([0, 2, 3, 9, 10]))
    batch = padded(tokens, np.array([3, 0, 1]))
    assert batch.ids.tolist() == [[10, 0], [1, 2], [3, 0]]
    assert batch.mask.tolist() == [[1, 0], [1, 1], [1, 0]]
    assert padded(tokens, np.array([2, 1])).ids.shape == (2, 6)


@pytest.mark.parametrize("where", ["backbone_dropout", "head_dropout"])
def test_dropout_acts_on_texts_inside_and_before_the_head(texts: Lab, where: str) -> None:
    network = new_network_of(
        texts, "finetuning=full", "model.head_dropout=0.0", "model.backbone_dropout=0.0"
    )
    dropping = new_network_of(
        *(texts, "finetuning=full", "model.head_dropout=0.0", "model.backbone_dropout=0.0"),
        f"model.{where}=0.5",
    )
    dropping.load_state_dict(network.state_dict())
    ids = torch.randint(5, 100, (4, 9), generator=torch.Generator().manual_seed(0))
    batch = TokenBatch(ids, torch.ones_like(ids))
    plain, dropped, again = network.train()(batch), dropping.train()(batch), dropping(batch)
    assert not torch.allclose(plain, dropped)
    assert not torch.allclose(dropped, again)
    assert torch.equal(network.eval()(batch), dropping.eval()(batch))


@pytest.mark.parametrize(
    ("way", "method"),
    [
        *(("fgm", method) for method in METHODS if method != "linear_probe"),
        *(("pgd", method) for method in ("full", "lora")),
    ],
)
def test_embeddings_can_be_shifted_to_hurt_whatever_the_method(
    texts: Lab, way: str, method: str
) -> None:
    shifted = (f"finetuning={method}", f"adversarial={way}", "trainer.max_epochs=1")
    (row,) = texts.fit("tiny", *shifted).curves
    assert row["train/adversarial_loss"] > row["train/clean_loss"]


@pytest.mark.slow
def test_changed_copies_are_trained_on_beside_the_texts(texts: Lab) -> None:
    from plait.training.fit import job_of

    without = ("tiny", "augmentation=eda", "augmentation.synonyms=0.0", "augmentation.copies=2")
    resolved = texts.resolved(*without)
    data = texts.data(resolved)
    job, _ = job_of(
        resolved,
        data.dataset,
        data.train,
        data.val,
        checkpoints=texts.folder / "none",
        observe=lambda epoch, values: None,
    )
    rows = len(data.train)
    assert len(job.train.features) == len(job.train.targets) == 3 * rows
    assert (job.train.targets[:rows] == job.train.targets[rows : 2 * rows]).all()
    assert job.val is not None
    assert data.val is not None
    assert len(job.val.features) == len(data.val)
    outcome = texts.fit(*without, "trainer.max_epochs=1")
    assert not equal_weights(outcome, texts.fit("tiny", "trainer.max_epochs=1"))
    texts.fit("tiny", "model=tfidf", *without[1:])


class Counted:
    """Counts how often the first layer of a body computes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from transformers.models.bert.modeling_bert import BertIntermediate

        self.calls = 0
        computed = BertIntermediate.forward

        def forward(layer: Any, *arguments: Any) -> Any:
            self.calls += layer.training
            return computed(layer, *arguments)

        monkeypatch.setattr(BertIntermediate, "forward", forward)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("prefix", "linear_probe")])
def test_gradient_checkpointing_computes_again_and_changes_no_number(
    method: str, texts: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    short = (f"finetuning={method}", "trainer.max_steps=3", "model.backbone_dropout=0.1")
    plain = texts.fit("tiny", *short)
    once = counted.calls
    assert once
    again = texts.fit("tiny", *short, "trainer.gradient_checkpointing=true")
    assert counted.calls - once == 2 * once
    assert equal_weights(plain, again)
    assert plain.curves == again.curves


def test_where_gradients_cannot_be_checkpointed_it_says_so(texts: Lab) -> None:
    for experiment, method, words in (
        ("tiny", ("finetuning=prefix",), "loses the keys and values that finetuning: prefix"),
        ("wine", ("model=mlp",), "only a language model has layers to compute again"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            texts.resolved(experiment, *method, "trainer.gradient_checkpointing=true")


def test_what_some_choices_lack_is_refused_before_anything_runs(texts: Lab) -> None:
    for chosen, words in (
        (("finetuning=adalora", "trainer.strategy=fsdp"), "adalora ranks as a whole; set it to"),
        (("adversarial=fgm", "trainer.precision=16-mixed"), "vanish; use bf16-mixed"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            texts.resolved("tiny", *chosen)
