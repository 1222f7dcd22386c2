"""``plait gc``: what everything takes and what of it can go, as a table or for scripts."""

import json

from plait.evaluation.notation import NOTHING, readable_size
from plait.evaluation.text_table import aligned
from plait.runs.gc.collector import GarbageCollector
from plait.runs.gc.tally import Tally
from plait.workspace import Workspace


def gc(workspace: Workspace, remove: bool, as_json: bool) -> int:
    """Show what everything takes, and remove what nobody needs if ``remove``."""
    collector = GarbageCollector(workspace, remove)
    tallies = collector.look_through()
    if as_json:
        print(_json(workspace, tallies, collector.notes, remove))
    else:
        print(_table(tallies, remove))
        for note in collector.notes:
            print(f"\n{note}")
        if not any(tally.garbage for tally in tallies):
            print("\nNothing to remove.")
        elif not remove:
            print("\nNothing has been removed: `plait gc --yes` removes what can go.")
    return 0


def _table(tallies: list[Tally], removed: bool) -> str:
    """What there is, a line each, and of it what goes."""
    lines = [["", "size", "removed" if removed else "can go", ""]]
    for tally in tallies:
        words = [f"{tally.words}: {len(tally.garbage)}"] if tally.garbage else []
        words += [f"in use: {tally.in_use}"] if tally.in_use else []
        goes = readable_size(tally.garbage_size) if tally.garbage else NOTHING
        if tally.size:
            lines.append([tally.name, readable_size(tally.size), goes, f" {'; '.join(words)}"])
    sizes = sum(tally.size for tally in tallies), sum(tally.garbage_size for tally in tallies)
    lines.append(["total", *map(readable_size, sizes), ""])
    return "\n".join(aligned(lines, right=(1, 2), widths=(17, 9, 9, 0)))


def _json(workspace: Workspace, tallies: list[Tally], notes: list[str], removed: bool) -> str:
    return json.dumps(
        {
            "removed": removed,
            "kinds": {
                tally.name: {
                    "bytes": tally.size,
                    "garbage_bytes": tally.garbage_size,
                    "garbage": [str(path.relative_to(workspace.anchor)) for path in tally.garbage],
                    "in_use": tally.in_use,
                }
                for tally in tallies
            },
            "notes": notes,
        },
        indent=2,
    )
