"""``plait why``: which stages would run again, and because of what.

Compares a fresh composition with ``dvc.lock``, which holds what each stage read when it last ran,
and looks whether the outputs are there. `dvc status` also hashes them.
"""

import subprocess

from plait.config.compose import Project
from plait.config.levels import flat, read_yaml
from plait.config.renamed import key_today
from plait.config.resolved import Resolved
from plait.json_types import Plain, Values
from plait.pipeline.stages import STAGES
from plait.workspace import PIPELINE_LOCK, Workspace


def why(project: Project, name: str) -> str:
    """A line for each stage: up to date, or what changed."""
    resolved = project.compose(name)
    if name not in project.listed:
        return f"{name} is not listed in params.yaml, so `dvc repro` does not run it"
    lock = project.root / PIPELINE_LOCK
    locked = read_yaml(lock).get("stages", {}) if lock.exists() and lock.stat().st_size else {}
    assert isinstance(locked, dict)
    lines = []
    upstream: list[str] = []
    for stage in STAGES:
        reasons = _reasons(project, resolved, stage, locked.get(f"{stage}@{name}"))
        if reasons:
            lines.append(f"{stage:<9} runs: {'; '.join(reasons)}")
            upstream.append(stage)
        elif upstream:
            lines.append(f"{stage:<9} runs if {upstream[-1]} gives something new")
        else:
            lines.append(f"{stage:<9} up to date")
    return "\n".join(lines)


def _reasons(project: Project, resolved: Resolved, stage: str, entry: Plain) -> list[str]:
    if not isinstance(entry, dict):
        return ["it has never run"]
    then = dict(flat(_read_then(entry, resolved.name)))
    now = resolved.read_by(stage)
    reasons = []
    for old in sorted(then.keys() - now):
        new = key_today(old, then.get(f"{old.partition('.')[0]}.choice"))
        if new in now.keys() - then:
            reasons.append(f"{old} is now {new}")
            then[new] = then.pop(old)
    for key in sorted({*then, *now}):
        before, after = then.get(key), now.get(key)
        if before == after:
            continue
        if key.startswith("code."):
            owner = key.removeprefix("code.")
            whose = "its code" if owner == stage else f"the code of {owner}"
            reasons.append(f"{whose} changed{_edited(project, resolved, owner)}")
        elif key == "identity":
            reasons.append("the identity changed")
        else:
            reasons.append(f"{key} {_shown(before)} -> {_shown(after)}")
    workspace = Workspace.at(project.root)
    for path in workspace.left_by(resolved.name, stage):
        if not path.exists():
            reasons.append(f"{path.relative_to(workspace.root)} is missing")
    return reasons


def _read_then(entry: Values, name: str) -> Values:
    """What a stage of ``dvc.lock`` read of the resolved file."""
    params = entry.get("params", {})
    assert isinstance(params, dict)
    read = params.get(f"resolved/{name}.yaml", {})
    assert isinstance(read, dict)
    return read


def _shown(value: Plain) -> str:
    return "none" if value is None else str(value)


def _edited(project: Project, resolved: Resolved, stage: str) -> str:
    """Which files of the stage's closure git sees as edited since the last commit."""
    answer = subprocess.run(
        ["git", "diff", "--name-only", "HEAD", "--", "src"],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    )
    edited = set(answer.stdout.split())
    reached = []
    for module in project.code.closure(STAGES[stage], resolved).modules:
        path = project.code.path(module)
        if path is not None and str(path.relative_to(project.root)) in edited:
            reached.append(str(path.relative_to(project.root)))
    return f" ({', '.join(reached)})" if reached else ""
