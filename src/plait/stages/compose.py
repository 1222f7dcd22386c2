"""Stage `compose`: params.yaml and conf/ into resolved/, for all listed experiments."""

import sys
from pathlib import Path

from plait.config.compose import Project, write_resolved
from plait.config.effect import no_effect, unused_in_params
from plait.config.resolved import Resolved
from plait.errors import exit_with
from plait.proof.composing import compose_undisturbed


def compose(root: Path) -> None:
    """Write ``resolved/``, and say what changed there and what of params.yaml has no effect."""
    changes: list[str] = []
    composed: list[tuple[Project, dict[str, Resolved]]] = []

    def once() -> None:
        project = Project(root)
        experiments = project.compose_all()
        composed.append((project, experiments))
        changes.extend(write_resolved(root / "resolved", experiments))

    compose_undisturbed(root, Project(root).state, once)
    project, experiments = composed[-1]
    for change in dict.fromkeys(changes):
        print(change)
    for name, resolved in experiments.items():
        if unused := unused_in_params(project, name, resolved):
            words = no_effect(unused, [resolved.choice("model")])
            print(f"params.yaml: {name}: {words}", file=sys.stderr)


if __name__ == "__main__":
    exit_with(lambda: compose(Path.cwd()))
