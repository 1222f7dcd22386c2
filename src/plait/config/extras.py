"""Extras of the installation: which modules work with one alone, and what is said without it.

The modules of an extra are leaves: nothing imports them from outside, by a statement of any kind;
they are found by the names of choices, families, launchers and sweepers.
"""

import re
from collections.abc import Iterable
from functools import cache

from plait.config.packages import installed_version, normalised
from plait.errors import ConfigurationError

LEAVES: dict[str, tuple[str, ...]] = {
    "text": (
        *("plait.finetuning", "plait.pretraining", "plait.data.tokens"),
        *("plait.augmentation.back_translation", "plait.augmentation.translation"),
        *("plait.models.encoder", "plait.models.language_model", "plait.models.language_models"),
        *("plait.models.masked_language_model", "plait.models.masked_language_models"),
        *("plait.models.masked_lm", "plait.models.origins", "plait.models.pretrained"),
        "plait.objectives.masked_lm_loss",
    ),
    "boosting": ("plait.models.catboost", "plait.models.lightgbm", "plait.models.xgboost"),
    "tabm": ("plait.models.tabm",),
    "hub": ("plait.data.sources.hub",),
    "optuna": (
        *("plait.sweeps.search", "plait.sweeps.study", "plait.sweeps.space"),
        "plait.sweeps.pruning",
    ),
    "slurm": ("plait.sweeps.engines.slurm",),
    "ray": ("plait.sweeps.engines.ray",),
    "tensorboard": ("plait.tracking.tensorboard",),
}
"""Modules and packages by the extra of ``pyproject.toml`` that they need. The contract of a
package, its module ``base``, needs none."""


def extra_of(module: str) -> str | None:
    """The extra that a module needs; None where a plain installation is enough."""
    if module.endswith(".base"):
        return None
    for extra, leaves in LEAVES.items():
        if any(module == leaf or module.startswith(f"{leaf}.") for leaf in leaves):
            return extra
    return None


def need_of(module: str) -> str:
    """What ``plait options`` says of the extra that a module needs; empty where it needs none."""
    extra = extra_of(module)
    if extra is None:
        return ""
    return f"needs the extra {extra}" + (", which is not installed" if _missing(extra) else "")


def require(extra: str, choice: str) -> None:
    """Refuse a choice whose extra is not installed.

    :param choice: as a user writes it, such as ``hydra/launcher=ray``.
    :raises ConfigurationError: naming what is missing, and how to get it.
    """
    check_installed(choice, _missing(extra))


def check_installed(name: str, distributions: Iterable[str]) -> None:
    """Refuse an experiment, or a choice, whose packages are not installed.

    :raises ConfigurationError: naming what is missing, and how to get it.
    """
    missing = [each for each in sorted(distributions) if installed_version(each) is None]
    if not missing:
        return
    extras = sorted(extra for extra in LEAVES if set(missing) & brought_by(extra))
    how = f"pip install --constraint requirements.lock --editable '.[{','.join(extras)}]'"
    brought = f", which the extra {' and '.join(extras)} brings" if extras else ""
    raise ConfigurationError(
        f"{name}: needs {', '.join(missing)}{brought}; "
        + (f"`{how}`" if extras else "`make repro` installs what requirements.lock says")
    )


@cache
def brought_by(extra: str) -> frozenset[str]:
    """The distributions that an extra of plait adds, with those of the extras that it includes."""
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    try:
        listed = [Requirement(text) for text in requires("plait") or []]
    except PackageNotFoundError:
        return frozenset()
    found: set[str] = set()
    for requirement in listed:
        named = re.search(r"extra == [\"'](.+?)[\"']", str(requirement.marker or ""))
        if named is None or named[1] != extra:
            continue
        if requirement.name == "plait":
            found.update(*map(brought_by, requirement.extras))
        else:
            found.add(normalised(requirement.name))
    return frozenset(found)


def _missing(extra: str) -> list[str]:
    return [each for each in sorted(brought_by(extra)) if installed_version(each) is None]
