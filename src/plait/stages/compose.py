"""Stage `compose`: params.yaml and conf/ into resolved/, for all listed experiments."""

from pathlib import Path

from plait.config.compose import Project, write_resolved
from plait.errors import exit_with
from plait.proof.composing import compose_undisturbed


def compose(root: Path) -> None:
    """Write ``resolved/`` and say what changed there."""
    changes: list[str] = []

    def once() -> None:
        changes.extend(write_resolved(root / "resolved", Project(root).compose_all()))

    compose_undisturbed(root, Project(root).state, once)
    for change in dict.fromkeys(changes):
        print(change)


if __name__ == "__main__":
    exit_with(lambda: compose(Path.cwd()))
