"""``plait gc``: what everything takes and what of it can go, as a table or for scripts."""

import json

from plait.evaluation.notation import NOTHING, readable_size
from plait.evaluation.text_table import aligned
from plait.runs.gc.collector import GarbageCollector
from plait.runs.gc.kind import Kind
from plait.workspace import Workspace


def gc(workspace: Workspace, remove: bool, as_json: bool) -> int:
    """Show what everything takes, and remove what nobody needs if ``remove``."""
    collector = GarbageCollector(workspace, remove)
    kinds = collector.look_through()
    if as_json:
        print(_json(workspace, kinds, collector.notes, remove))
    else:
        print(_table(kinds, remove))
        for note in collector.notes:
            print(f"\n{note}")
        if not any(kind.garbage for kind in kinds):
            print("\nNothing to remove.")
        elif not remove:
            print("\nNothing has been removed: `plait gc --yes` removes what can go.")
    return 0


def _table(kinds: list[Kind], removed: bool) -> str:
    """What there is, a line each, and of it what goes."""
    lines = [["", "size", "removed" if removed else "can go", ""]]
    for kind in kinds:
        words = [f"{kind.words}: {len(kind.garbage)}"] if kind.garbage else []
        words += [f"in use: {kind.in_use}"] if kind.in_use else []
        goes = readable_size(kind.garbage_size) if kind.garbage else NOTHING
        if kind.size:
            lines.append([kind.name, readable_size(kind.size), goes, f" {'; '.join(words)}"])
    sizes = sum(kind.size for kind in kinds), sum(kind.garbage_size for kind in kinds)
    lines.append(["total", *map(readable_size, sizes), ""])
    return "\n".join(aligned(lines, right=(1, 2), widths=(17, 9, 9, 0)))


def _json(workspace: Workspace, kinds: list[Kind], notes: list[str], removed: bool) -> str:
    return json.dumps(
        {
            "removed": removed,
            "kinds": {
                kind.name: {
                    "bytes": kind.size,
                    "garbage_bytes": kind.garbage_size,
                    "garbage": [str(path.relative_to(workspace.anchor)) for path in kind.garbage],
                    "in_use": kind.in_use,
                }
                for kind in kinds
            },
            "notes": notes,
        },
        indent=2,
    )
