"""Configuration keys that had another name once: what errors say of them, and what reads old runs.

A recorded configuration keeps the keys of its commit, by which `plait rebuild` makes it again;
whoever reads it today reads it by today's keys.
"""

from collections.abc import Mapping

from plait.config.fields import nested
from plait.config.registry import SECTIONS, section_settings, settings_of
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError
from plait.json_types import Plain, Values
from plait.settings import Settings

RENAMED: dict[str, str] = {
    "adversarial.share": "adversarial.loss_weight",
    "adversarial.size": "adversarial.epsilon",
    "augmentation.back": "augmentation.backward_model",
    "augmentation.beams": "augmentation.num_beams",
    "augmentation.there": "augmentation.forward_model",
    "data.format.missing": "data.format.na_values",
    "data.labels": "data.n_labelled",
    "data.neutral": "data.neutral_threshold",
    "data.words": "data.word_boundaries",
    "evaluation.level": "evaluation.confidence_level",
    "evaluation.plots.points": "evaluation.plots.max_points",
    "evaluation.rows": "evaluation.max_bootstrap_rows",
    "finetuning.final": "finetuning.final_fraction",
    "finetuning.interval": "finetuning.allocation_interval",
    "finetuning.layer_norms": "finetuning.train_layer_norms",
    "finetuning.orthogonality": "finetuning.orthogonality_weight",
    "finetuning.targets": "finetuning.target_modules",
    "finetuning.tokens": "finetuning.num_virtual_tokens",
    "finetuning.warmup": "finetuning.warmup_fraction",
    "model.body_dropout": "model.backbone_dropout",
    "model.dropout": "model.head_dropout",
    "model.head_rate": "model.head_lr_multiplier",
    "model.l2": "model.l2_regularization",
    "model.longest": "model.max_ngram",
    "model.min_texts": "model.min_df",
    "model.shortest": "model.min_ngram",
    "model.units": "model.analyzer",
    "model.widths": "model.hidden_sizes",
    "preprocessing.features": "preprocessing.feature_scaling",
    "preprocessing.target": "preprocessing.target_scaling",
    "pretraining.body_dropout": "pretraining.backbone_dropout",
    "pretraining.format.missing": "pretraining.format.na_values",
    "pretraining.masked": "pretraining.mlm_probability",
    "pretraining.warmup": "pretraining.warmup_fraction",
    "schedule.final": "schedule.final_lr_factor",
    "schedule.warmup": "schedule.warmup_fraction",
    "trainer.keep": "trainer.select_checkpoint",
    "trainer.nodes": "trainer.num_nodes",
    "trainer.workers": "trainer.num_workers",
}
"""The new key of each old one. It counts where the settings of a choice have the new one and not
the old: ``model.dropout`` is still a key of ``model: mlp``."""

_SECTIONS = {key.partition(".")[0] for key in RENAMED}


def new_key(above: str, name: str, cls: type[Settings]) -> str:
    """The name that a key of some settings has today.

    :param above: the dotted key of the settings, such as ``data.format``.
    :param name: of the key among them, old or not.
    """
    new = RENAMED.get(f"{above}.{name}", "").rpartition(".")[2]
    return new if new in cls.model_fields and name not in cls.model_fields else name


def by_new_keys(above: str, values: Mapping[str, Plain], cls: type[Settings]) -> Values:
    """Recorded values of some settings, nested ones too, with the keys that they have today."""
    found: Values = {}
    for name, value in values.items():
        key = new_key(above, name, cls)
        inner = _nested(cls, key)
        if inner is not None and isinstance(value, dict):
            value = by_new_keys(f"{above}.{key}", value, inner)
        found[key] = value
    return found


def read_today(recorded: Resolved) -> Resolved:
    """A recorded configuration with the keys that its settings have today."""
    values = dict(recorded.values)
    for section, value in recorded.values.items():
        if isinstance(value, dict):
            values[section] = section_today(section, value.get("choice"), value)
    return Resolved(values)


def section_today(section: str, choice: Plain, values: Values) -> Values:
    """The recorded values of a section with today's keys.

    :param choice: made in a group; None of a section without choices.
    """
    cls = _settings_class(section, choice)
    return values if cls is None else by_new_keys(section, values, cls)


def parameters_today(recorded: Mapping[str, str]) -> dict[str, str]:
    """The flat parameters of a run, as `Resolved.parameters` has them, with today's keys."""
    return {key_today(key, recorded.get(key.partition(".")[0])): recorded[key] for key in recorded}


def key_today(key: str, choice: Plain) -> str:
    """A dotted key with the names that it has today.

    :param choice: made in the group that the key belongs to; None of a section without choices.
    """
    path, *rest = key.split(".")
    cls = _settings_class(path, choice)
    while rest and cls is not None:
        name = new_key(path, rest.pop(0), cls)
        path, cls = f"{path}.{name}", _nested(cls, name)
    return ".".join([path, *rest])


def _settings_class(section: str, choice: Plain) -> type[Settings] | None:
    """None where nothing has been renamed, and of a choice that there is no more."""
    if section not in _SECTIONS:
        return None
    if section in SECTIONS:
        return section_settings(section)
    try:
        return None if choice is None else settings_of(section, str(choice))
    except ConfigurationError:
        return None


def _nested(cls: type[Settings], key: str) -> type[Settings] | None:
    field = cls.model_fields.get(key)
    return None if field is None else nested(field)
