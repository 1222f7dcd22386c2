"""Stage `compose`: params.yaml and conf/ into resolved/, for all listed experiments."""

import sys
from pathlib import Path

from plait.config.compose import Project, write_resolved
from plait.config.effect import no_effect, unused_in_params
from plait.errors import exit_with


def compose(root: Path) -> None:
    """Write ``resolved/``, and say what changed there and what of params.yaml has no effect."""
    project = Project(root)
    experiments = project.compose_all()
    for change in write_resolved(root / "resolved", experiments):
        print(change)
    for name, resolved in experiments.items():
        if unused := unused_in_params(project, name, resolved):
            words = no_effect(unused, [resolved.choice("model")])
            print(f"params.yaml: {name}: {words}", file=sys.stderr)


if __name__ == "__main__":
    exit_with(lambda: compose(Path.cwd()))
