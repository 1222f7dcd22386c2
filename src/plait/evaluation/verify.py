"""``plait verify``: whether the rebuilt metrics are those of the commit."""

import json
import subprocess
from pathlib import Path


def verify(root: Path, names: list[str]) -> list[str]:
    """A line for each experiment: identical, or the largest relative difference from ``HEAD``."""
    return [f"{name:<20} {_verdict(root, f'results/{name}/metrics.json')}" for name in names]


def _verdict(root: Path, path: str) -> str:
    if not (root / path).exists():
        return "not evaluated yet"
    now: dict[str, float] = json.loads((root / path).read_text(encoding="utf-8"))
    committed = subprocess.run(
        ["git", "show", f"HEAD:./{path}"], cwd=root, capture_output=True, text=True, check=False
    )
    if committed.returncode:
        return "new: the commit has no metrics to compare with"
    then: dict[str, float] = json.loads(committed.stdout)
    if now == then:
        return f"identical to the commit in all {len(now)} metrics"
    shared = now.keys() & then.keys()
    differences = {
        key: abs(now[key] - then[key]) / (abs(then[key]) or 1.0) for key in sorted(shared)
    }
    changed = sorted(now.keys() ^ then.keys())
    words = []
    if any(differences.values()):
        worst = max(differences, key=lambda key: differences[key])
        words.append(
            f"largest relative difference from the commit {differences[worst]:.1e} ({worst})"
        )
    if changed:
        words.append(f"metrics added or dropped: {', '.join(changed)}")
    return "; ".join(words)
