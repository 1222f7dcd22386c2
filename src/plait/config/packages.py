"""Versions of the locked packages that can change an experiment's numbers."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from plait.errors import ConfigurationError

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "sklearn": ("scikit-learn", "scipy"),
    "lightning": ("lightning", "pytorch-lightning"),
    "PIL": ("pillow",),
    "yaml": ("pyyaml",),
}
"""What an import name stands for in the lock, where it is not the name itself; with it the packages
behind it that compute."""

ALIASES: dict[str, str] = {"xgboost-cpu": "xgboost", "xgboost": "xgboost-cpu"}
"""Distributions of the same code, built for other devices: either may be installed."""

NON_NUMERIC = {
    *(
        "filelock",
        "huggingface_hub",
        "hydra",
        "jinja2",
        "mlflow",
        "omegaconf",
        "pandera",
        "psutil",
        "pydantic",
    ),
    *("requests", "tensorboard", "tqdm", "yaml"),
}
"""Import names of packages that compute no number: they configure, check, lock, draw or record."""


@cache
def read_lock(lock: Path) -> dict[str, str]:
    """Version by distribution, for the Python and platform at hand.

    :raises ConfigurationError: if the lock file is missing.
    """
    from packaging.markers import Marker

    try:
        text = lock.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{lock.name} is missing; `git checkout {lock.name}`") from None
    versions = {}
    for line in text.splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)\s*(?:;\s*(.+))?$", line)
        if match and (match[3] is None or Marker(match[3]).evaluate()):
            versions[normalised(match[1])] = match[2]
    return versions


@cache
def installed_version(distribution: str) -> str | None:
    """The version that is installed, as a lock would name it: 2.13.0+cpu is 2.13.0."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(installed_as(distribution)).partition("+")[0]
    except PackageNotFoundError:
        return None


@cache
def installed_as(distribution: str) -> str:
    """The name under which it is installed, if it is: its own, or its alias."""
    from importlib.metadata import PackageNotFoundError, version

    for name in (distribution, ALIASES.get(distribution, distribution)):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    return distribution


def versions_of(imports: Iterable[str], lock: Path) -> dict[str, str]:
    """The locked versions of what ``imports`` stand for, without inert packages.

    :raises ConfigurationError: for an import that no locked distribution provides.
    """
    locked = read_lock(lock)
    found = {}
    for name in imports:
        if name in NON_NUMERIC:
            continue
        for distribution in DISTRIBUTIONS.get(name) or _providers(name, locked):
            if distribution not in locked:
                raise ConfigurationError(
                    f"{lock.name}: the code imports {name!r}, which no locked package provides;"
                    " add it to pyproject.toml and run `make lock`"
                )
            found[distribution] = locked[distribution]
    return dict(sorted(found.items()))


def _providers(name: str, locked: dict[str, str]) -> list[str]:
    for known in (normalised(name), ALIASES.get(name)):
        if known in locked:
            return [known]
    # Slow, so only for names unlike their distribution's.
    from importlib.metadata import packages_distributions

    return [normalised(found) for found in packages_distributions().get(name, [name])]


def normalised(name: str) -> str:
    """The name of a distribution, as the lock spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()
