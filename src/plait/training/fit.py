"""The one fit: a model of any family on the training part, selected by the validation part."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait import digests
from plait.augmentation.base import AugmentationSettings
from plait.config.chosen import settings_in
from plait.config.registry import family_of, module_of
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset
from plait.data.folds import Folds
from plait.data.preprocessing import Preprocessor
from plait.data.preprocessing import Settings as PreprocessingSettings
from plait.models.base import Link, ModelSettings, Shape
from plait.models.family import EncodedFamily, models_of, preprocessor_of
from plait.models.trained import TrainedModel
from plait.objectives.base import ObjectiveSettings
from plait.tasks.registry import task_named
from plait.training.job import Arrays, Observe, Training, TrainingJob
from plait.training.members import Member, fit_members, members_of
from plait.training.side_by_side import train_side_by_side

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def digest_of(family: EncodedFamily[Any], *parts: Arrays | None) -> str:
    """The digest of the values, so that a training does not go on on other data than it began with.

    :param family: of the model.
    """

    def pieces() -> Iterator[bytes]:
        for part in parts:
            if part is None:
                continue
            for values in (*family.pack(part.features).values(), *part.arrays.values()):
                yield repr((values.shape, values.dtype.str)).encode()
                # Texts by their own bytes, not by where they lie in memory.
                text = values.dtype == object
                yield repr(values.tolist()).encode() if text else values.tobytes()

    return digests.of_pieces(pieces(), digests.SHORT)


def training_of(choice: str) -> Training:
    """How a choice of model is fitted."""
    module = family_of(choice).training
    training = import_module(module).TRAINING
    assert isinstance(training, Training), f"{module}.TRAINING is no Training"
    return training


def prepare(resolved: Resolved) -> str:
    """Import what `fit` needs, and check that this machine can do it.

    :returns: the devices that training will use, such as ``cpu``.
    :raises UserError: for devices that this machine does not have.
    """
    return training_of(resolved.choice("model")).prepare(resolved)


def fit(
    resolved: Resolved,
    dataset: Dataset,
    train: "pd.DataFrame",
    val: "pd.DataFrame | None",
    *,
    checkpoints: Path,
    observe: Observe,
    base: Path | None = None,
    folds: Folds | None = None,
) -> tuple[TrainedModel, list[dict[str, float]]]:
    """Fit preprocessing and model on ``train``; ``val`` selects among epochs, if there is one.

    The members of an ensemble, or of cross-validation, are trained one after another or
    ``trainer.member_workers`` at once; their epochs are numbered one after another.

    :param train: all columns of the part.
    :param folds: of ``train``: a member for each, which learns from other rows alone; None: there
        are none.
    :param checkpoints: a folder of this identity's own.
    :param base: as in `TrainingJob`.
    :returns: the model, and its curves: a row an epoch, its number under ``epoch``.
    :raises UserError: for what this machine cannot do, or a loss that is no number.
    """
    members = members_of(resolved, folds, checkpoints)
    workers = min(resolved.integer("trainer.member_workers"), len(members))
    untold: list[Path] = []
    if workers > 1:
        untold = train_side_by_side(
            members, workers, dataset, train, val, checkpoints=checkpoints, base=base
        )

    def fit_one(member: Member, observe: Observe) -> tuple[TrainedModel, list[dict[str, float]]]:
        resolved = member.resolved
        job, preprocessor = job_of(
            resolved,
            dataset,
            member.learnt(train),
            val,
            checkpoints=member.checkpoints,
            observe=observe,
            base=base,
        )
        choice = resolved.choice("model")
        fitted = training_of(choice).fit(job)
        model = TrainedModel(
            choice,
            resolved.settings("model"),
            dataset.task,
            dataset.classes,
            preprocessor,
            fitted.model,
            resolved.optional_section("finetuning"),
            link=job.shape.link,
        )
        return model, fitted.curves

    if not members:
        return fit_one(Member("", resolved, checkpoints), observe)
    return fit_members(members, fit_one, observe, untold)


def job_of(
    resolved: Resolved,
    dataset: Dataset,
    train: "pd.DataFrame",
    val: "pd.DataFrame | None",
    *,
    checkpoints: Path,
    observe: Observe,
    base: Path | None = None,
) -> tuple[TrainingJob, Preprocessor]:
    """What a training is given, with parameters as `fit` has them; preprocessing is fitted."""
    choice = resolved.choice("model")
    preprocessor = preprocessor_of(choice).fit(
        train, dataset, PreprocessingSettings.model_validate(resolved.section("preprocessing"))
    )
    family = models_of(choice)
    settings = settings_in(resolved, "model", ModelSettings)

    def encode(frame: "pd.DataFrame", inputs: "np.ndarray") -> Arrays:
        targets = preprocessor.target.encode(frame)
        return Arrays(family.encode(settings, inputs), targets, dataset.weights(frame))

    def encode_augmented(frame: "pd.DataFrame") -> Arrays:
        import numpy as np

        texts = preprocessor.transform(frame)
        module = module_of("augmentation", resolved.choice("augmentation"))
        chosen = settings_in(resolved, "augmentation", AugmentationSettings)
        copies: np.ndarray = module.augment(chosen, texts, resolved.integer("seed"))
        targets = np.concatenate([preprocessor.target.encode(frame)] * (1 + len(copies)))
        return Arrays(family.encode(settings, np.concatenate([texts, *copies])), targets)

    if resolved["augmentation"] is None:
        arrays = encode(train, preprocessor.of_training(train))
    else:
        arrays = encode_augmented(train)
    val_arrays = None if val is None else encode(val, preprocessor.transform(val))
    kind_of_task = task_named(dataset.task)
    job = TrainingJob(
        resolved,
        Shape(
            kind_of_task,
            preprocessor.width,
            kind_of_task.outputs(dataset.classes),
            _link_of(resolved),
        ),
        arrays,
        val_arrays,
        digest_of(family, arrays, val_arrays),
        checkpoints,
        observe,
        base,
        preprocessor,
    )
    return job, preprocessor


def _link_of(resolved: Resolved) -> Link:
    """That of the objective, where one trains the model."""
    if resolved["objective"] is None:
        return "identity"
    return settings_in(resolved, "objective", ObjectiveSettings).link
