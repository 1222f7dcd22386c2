"""Stage `compose`: params.yaml and conf/ into resolved/, for all listed experiments."""

import sys
from collections.abc import Mapping
from pathlib import Path

from plait.config.compose import Project, write_resolved
from plait.config.effect import no_effect, unused_in_params
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError, exit_with
from plait.proof.composing import compose_undisturbed
from plait.workspace import RESOLVED


def compose(root: Path, each: bool = False) -> None:
    """Write ``resolved/``, and say what changed there and what of params.yaml has no effect.

    :param each: an experiment that cannot be composed stops no other: its fault is written in its
        place, for its stages to fail by. Else nothing is written then.
    :raises ConfigurationError: with everything that is wrong.
    """
    changes: list[str] = []
    composed: list[tuple[Project, Mapping[str, Resolved | ConfigurationError]]] = []

    def once() -> None:
        project = Project(root)
        experiments = project.compose_each() if each else project.compose_all()
        composed.append((project, experiments))
        changes.extend(write_resolved(root / RESOLVED, experiments))

    compose_undisturbed(root, Project(root).state, once)
    project, experiments = composed[-1]
    for change in dict.fromkeys(changes):
        print(change)
    for name, found in experiments.items():
        if isinstance(found, ConfigurationError):
            print(f"plait: {found}\n  the other experiments go on", file=sys.stderr)
        elif unused := unused_in_params(project, name, found):
            words = no_effect(unused, [found.choice("model")])
            print(f"params.yaml: {name}: {words}", file=sys.stderr)


if __name__ == "__main__":
    exit_with(lambda: compose(Path.cwd(), each=True))
