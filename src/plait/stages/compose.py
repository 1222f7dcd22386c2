"""Stage `compose`: params.yaml and conf/ into resolved/, for all listed experiments."""

from pathlib import Path

from plait.config.compose import Project, write_resolved
from plait.errors import exit_with


def compose(root: Path) -> None:
    """Write ``resolved/`` and say what changed there."""
    for change in write_resolved(root / "resolved", Project(root).compose_all()):
        print(change)


if __name__ == "__main__":
    exit_with(lambda: compose(Path.cwd()))
