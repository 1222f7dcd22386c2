"""The settings of what a resolved configuration chooses."""

from typing import TypeVar

from plait.config.registry import settings_of
from plait.config.resolved import Resolved
from plait.settings import Settings

Kind = TypeVar("Kind", bound=Settings)


def settings_in(resolved: Resolved, group: str, kind: type[Kind]) -> Kind:
    """The settings of the choice of a group.

    :param kind: the class that settings of the group derive from.
    :raises ConfigurationError: if they do not.
    """
    return settings_of(group, resolved.choice(group), kind)(**resolved.settings(group))
