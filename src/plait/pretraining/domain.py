"""Continued pretraining on texts of the domain: hidden words are to be guessed.

Gururangan et al. (2020), Don't stop pretraining: Adapt language models to domains and tasks. The
same loop trains as for everything else, with AdamW and the schedule of Devlin et al. (2019).
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from plait.artifacts import write_json
from plait.data.reading import TextFormat, TextPath
from plait.errors import UserError
from plait.json_types import Values
from plait.models.origins import Origin
from plait.pretraining.base import PretrainingSettings
from plait.settings import setting
from plait.workspace import PRETRAINED, Outputs, Workspace

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from plait.config.resolved import Resolved

_STREAM = 0xD0

FEWEST = 10
"""Texts from which anything can be learnt."""

CURVES = "curves.csv"
"""Beside the model."""


class Settings(PretrainingSettings):
    """``pretraining: domain``."""

    path: TextPath | None = setting(
        "unlabelled texts of your own under data/raw/: .txt with a text a line, CSV, Parquet or"
        " JSON lines; null: the training texts of the experiment"
    )
    column: str = setting("column of the texts, where the file is a table")
    format: TextFormat = setting("notation of a text file")
    mlm_probability: float = setting(
        "probability that a token is masked, to be predicted", gt=0, lt=1
    )
    max_length: int = setting("longest text; what is longer is cut", unit="tokens", ge=2)
    backbone_dropout: float | None = setting(
        "dropout rate inside the transformer; null: the rate that it was pretrained with",
        ge=0,
        lt=1,
    )
    epochs: int = setting("passes over the texts", ge=1)
    batch_size: int = setting("texts in a step", unit="rows", ge=1)
    lr: float = setting("learning rate of AdamW", gt=0)
    weight_decay: float = setting("weight decay of AdamW", ge=0)
    warmup_fraction: float = setting(
        "fraction of all steps over which the learning rate rises from 0", ge=0, lt=1
    )
    val: float = setting("fraction of the texts that is held out for validation", ge=0, lt=1)
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = setting(
        "number format of weights and arithmetic"
    )
    threads: int = setting("CPU threads of a process", ge=1)
    seed: int = setting(
        "seed of the order of the texts, the masked tokens and the new head", ge=0, le=2**32 - 1
    )

    @property
    def files(self) -> tuple[str, ...]:
        """The one file, if there is one."""
        return () if self.path is None else (self.path,)


class _Base(BaseModel):
    """The settings of a transformer that say which one it is."""

    origin: Origin
    name: str
    revision: str | None
    digest: str | None


def pretrain(
    settings: Settings,
    base: Values,
    texts: "np.ndarray",
    placement: "Resolved",
    *,
    identity: str,
    folder: Path,
    checkpoints: Path,
) -> list[dict[str, float]]:
    """Go on with the training of a transformer, and leave it in ``folder``.

    :param base: origin, name, revision and digest, as of ``model: encoder``.
    :param texts: object, (rows,).
    :param placement: whose ``trainer`` says where it runs.
    :param identity: of everything that decides what comes out.
    :param checkpoints: a folder of this training's own.
    :returns: the curves, a row an epoch.
    :raises UserError: if the transformer can't guess hidden words, or a loss is no number.
    """
    import numpy as np

    from plait.models import masked_language_models
    from plait.models.base import Shape
    from plait.models.pretrained import find
    from plait.tasks.regression.learning import TASK
    from plait.training import gradient
    from plait.training.fit import digest_of
    from plait.training.job import Arrays, TrainingJob

    pinned = _Base.model_validate(base)
    source = find(pinned.origin, pinned.name, pinned.revision, pinned.digest)
    order = np.random.default_rng((_STREAM, settings.seed)).permutation(len(texts))
    held_out = round(settings.val * len(texts))

    def arrays(rows: "np.ndarray") -> Arrays:
        tokens = source.tokens(texts[np.sort(rows)], settings.max_length)
        return Arrays(tokens, np.zeros(len(rows)))

    train = arrays(order[held_out:])
    val = arrays(order[:held_out]) if held_out else None
    job = TrainingJob(
        _as_training(settings, base, placement, identity),
        Shape(TASK, 1, 1),
        train,
        val,
        digest_of(masked_language_models.FAMILY, train, val),
        checkpoints,
        lambda epoch, values: None,
    )
    fitted = gradient.fit(job)
    masked_language_models.keep(fitted.model, source, folder)
    return fitted.curves


def pretrain_once(
    settings: Settings, resolved: "Resolved", workspace: Workspace, outputs: Outputs, digest: str
) -> None:
    """Write ``outputs["pretrained"]``; what another experiment has had made is taken from there.

    :param digest: of everything that decides what comes out.
    """
    from plait.locks import held, lock_named
    from plait.proof.stage import confirm, settle
    from plait.training.curves import write_curves

    name, base = resolved.name, resolved.section("pretraining_base")
    shared = workspace.pretrained / digest
    with held(
        lock_named(workspace, f"pretrained-{digest}"),
        waiting=f"{name}: waits for another process, which pretrains the same",
    ):
        if not shared.exists():
            texts = _texts(settings, workspace.root, outputs)
            settle()
            print(f"{name}: pretrains {base['name']} on {len(texts):,} texts", flush=True)
            unfinished = shared.with_name(f".{digest}")
            shutil.rmtree(unfinished, ignore_errors=True)
            checkpoints = shared.with_name(f".{digest}.checkpoints")
            curves = pretrain(
                settings,
                base,
                texts,
                resolved,
                identity=digest,
                folder=unfinished,
                checkpoints=checkpoints,
            )
            write_curves(unfinished / CURVES, curves)
            write_json(
                unfinished / PRETRAINED,
                {"pretraining": resolved["pretraining"], "texts": len(texts)},
            )
            confirm()
            os.replace(unfinished, shared)
            shutil.rmtree(checkpoints, ignore_errors=True)
        # Held, so that nobody clears it away meanwhile.
        shutil.rmtree(outputs["pretrained"], ignore_errors=True)
        outputs["pretrained"].parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(shared, outputs["pretrained"])


def _texts(settings: Settings, root: Path, outputs: Outputs) -> "np.ndarray":
    """Those to learn from, object (rows,): each once, none of them empty.

    :raises UserError: if there are none.
    """
    import numpy as np

    from plait.data.dataset import Dataset, read_part
    from plait.data.decoding import decode, lines_of
    from plait.data.header import require
    from plait.data.reading import find, read

    if settings.path is None:
        (column,) = Dataset.read(outputs.data).names("text")
        train = read_part(outputs.data, "train")
        assert train is not None, "stage generate leaves one"
        found = train[column].tolist()
    elif settings.path.lower().endswith(".txt"):
        content = find(settings.path, root).read_bytes()
        found = lines_of(decode(content, settings.path, settings.format.encoding))
    else:
        frame = read(settings.path, root, settings.format, wanted=[settings.column])
        require([settings.column], list(frame.columns), settings.path, "the texts")
        found = frame[settings.column].dropna().tolist()
    texts = list(dict.fromkeys(text for text in map(str, found) if text.strip()))
    if len(texts) < FEWEST:
        where = settings.path or "the training part"
        raise UserError(
            f"pretraining: {where} has {len(texts)} different texts; it takes at least {FEWEST}"
        )
    return np.array(texts, dtype=object)


def _as_training(
    settings: Settings, base: Values, placement: "Resolved", identity: str
) -> "Resolved":
    """The configuration of this training, in the words of any other."""
    from plait.config.resolved import Resolved
    from plait.models import masked_lm
    from plait.objectives import masked_lm_loss
    from plait.pipeline.stages import RUNTIME
    from plait.training.optimizers import adamw
    from plait.training.schedules import linear

    def choice(module: "ModuleType") -> str:
        # By an import, so that what it does counts as code of this stage.
        return module.__name__.rpartition(".")[2]

    where = {key.partition(".")[2]: placement[key] for key in RUNTIME}
    if where["strategy"] == "fsdp":
        # The head shares the table of embeddings, which sharding gathers for their layer alone.
        where["strategy"] = "auto"
    return Resolved(
        {
            "name": placement.name,
            "identity": identity,
            "seed": settings.seed,
            "batch_size": settings.batch_size,
            "model": {
                "choice": choice(masked_lm),
                **base,
                "mlm_probability": settings.mlm_probability,
                "max_length": settings.max_length,
                "backbone_dropout": settings.backbone_dropout,
            },
            "finetuning": None,
            "objective": {"choice": choice(masked_lm_loss)},
            "optimizer": {
                "choice": choice(adamw),
                "lr": settings.lr,
                "betas": [0.9, 0.999],
                "eps": 1e-8,
                "weight_decay": settings.weight_decay,
            },
            "schedule": {
                "choice": choice(linear),
                "warmup_fraction": settings.warmup_fraction,
                "final_lr_factor": 0.0,
            },
            "adversarial": None,
            "callbacks": {},
            "trainer": {**where, **_trainer(settings)},
        }
    )


def _trainer(settings: Settings) -> Values:
    """The section ``trainer`` of this training, without where it runs."""
    return {
        "max_epochs": settings.epochs,
        "max_steps": None,
        "precision": settings.precision,
        "threads": settings.threads,
        "gradient_clip": 1.0,
        "micro_batch_size": None,
        "select_checkpoint": "last",
        "overfit_rows": None,
        "detect_anomaly": False,
    }
