"""``plait promote``: a recorded run as an experiment that `dvc repro` rebuilds, and as champion.

Everything is checked before anything is written, in the tree or in the registry.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from plait.artifacts import write_text
from plait.config.compose import Project
from plait.config.levels import check_name
from plait.config.listing import with_listed
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.evaluation.paired import Measured
from plait.evaluation.settings import Resamples
from plait.runs.promote.champion import Judgement, against_champion, against_naive
from plait.runs.promote.deviations import describe, name_for, rewrite, what_changed
from plait.tracking import registry
from plait.tracking.query.find import find
from plait.tracking.query.run import RecordedRun
from plait.tracking.store.store import translate_errors
from plait.workspace import CONF, PARAMS, Workspace, choice_in


@dataclass(frozen=True)
class Plan:
    """How a run becomes a listed experiment."""

    name: str
    listed: bool
    """Whether ``params.yaml`` lists it already, so that there is nothing to write."""
    files: dict[Path, str]
    """What to write: by path below the project's folder, in this order."""
    changed: str
    """What of code, packages and data files differs from the run's, and what that leads to; or
    nothing."""


@dataclass(frozen=True)
class Promotion:
    """How a run's model becomes the champion."""

    candidate: registry.Candidate
    judgement: Judgement
    forced: str | None
    """Why the gate is overridden, where it is."""
    worn: registry.Champion | None
    """The present champion, where it is this very run."""


def promote(
    workspace: Workspace,
    reference: str,
    name: str | None = None,
    champion: bool = False,
    force: str | None = None,
) -> list[str]:
    """Write a run's deviations as an experiment, list it, and make its model the champion.

    :param reference: what `find` takes.
    :param name: of the new experiment; by default made of what deviates.
    :param champion: whether the model is registered too, if it passes the gate.
    :param force: why it is registered even if it does not.
    :returns: what to tell the user.
    :raises UserError: for a refusal; then nothing has been written.
    """
    if force is not None and not (champion and force.strip()):
        raise UserError("--force overrides the gate of --champion, and wants a reason", status=2)
    run = find(workspace, reference)
    if not run.finished:
        raise UserError(
            f"run {run.run_id} ({run.name}) is not finished but {run.status.lower()};"
            " it cannot be promoted"
        )
    with translate_errors(run.store.backend.uri):
        plan = plan_for(Project(workspace.root), run.configuration, name)
        if plan.listed and not champion:
            raise UserError(
                f"params.yaml lists it already, as {plan.name}; `dvc repro` rebuilds it"
            )
        if plan.listed and name not in (None, plan.name):
            raise UserError(f"params.yaml lists it already, as {plan.name}; leave {name} out")
        crown = None
        if champion:
            candidate = registry.candidate(run)
            if candidate is None:
                raise UserError(
                    f"run {run.run_id} ({run.name}) kept no model: a sweep keeps its"
                    " best trial's only.\n  Launch it with sweep.keep_models=all, or train this one"
                    " again by `plait run ... --fresh`"
                )
            crown = _crown(candidate, force)
        # The registry first: of the two, it is the one that may not answer.
        lines = _register(crown) if crown is not None else []
    if plan.listed:
        return lines
    lines += _write(workspace.root, plan.files)
    return [*lines, *([plan.changed] if plan.changed else []), "next: dvc repro"]


def plan_for(project: Project, recorded: Resolved, name: str | None) -> Plan:
    """What to write so that `dvc repro` rebuilds a recorded configuration.

    :raises UserError: if today's files can't express it, or the name is taken.
    """
    if name is not None:
        check_name(name, "command line")
    composed = project.compose_each().items()
    listed = {found.identity: each for each, found in composed if isinstance(found, Resolved)}
    if recorded.identity in listed:
        return Plan(listed[recorded.identity], True, {}, "")
    rewritten = rewrite(project, recorded)
    now = rewritten.resolved
    changed = _changed(recorded, now)
    if now.identity in listed:
        return Plan(listed[now.identity], True, {}, changed)
    files: dict[Path, str] = {}
    base, deviations = recorded.name, rewritten.deviations
    if not deviations and base not in project.listed and name in (None, base):
        name = base  # whose file says it all
    else:
        name = name or name_for(recorded)
        path = choice_in(Path(CONF), "experiment", name)
        if name in project.listed or (project.root / path).exists():
            raise UserError(
                f"there is an experiment {name} already; give another name:"
                " `plait promote RUN NAME`"
            )
        files[path] = deviations.text(describe(recorded))
    params = Path(PARAMS)
    files[params] = with_listed((project.root / params).read_bytes().decode(), name)
    return Plan(name, False, files, changed)


def _crown(candidate: registry.Candidate, force: str | None) -> Promotion:
    """Ask the gate.

    :raises UserError: if it refuses and is not overridden.
    """
    run = candidate.run
    present = registry.champion_of(run.store, candidate.model)
    if present is not None and present.run_id == run.run_id:
        return Promotion(candidate, Judgement((), ()), None, present)
    judgements = [against_naive(Measured(run.evaluation, run.predictions))]
    if present is not None:
        judgements.append(_against(present, run))
    judgement = Judgement(
        tuple(line for each in judgements for line in each.beaten),
        tuple(line for each in judgements for line in each.refusals),
    )
    refusals = " ".join(judgement.refusals)
    if refusals and force is None:
        raise UserError(
            f"{run.name} does not become the champion of {candidate.model}.\n"
            f"  {refusals}\n  --force REASON overrides this, and records the reason"
        )
    forced = f"{force} (overriding: {refusals})" if refusals else None
    return Promotion(candidate, judgement, forced, None)


def _against(present: registry.Champion, run: RecordedRun) -> Judgement:
    title = f"the champion (version {present.version}, run {present.run_id[:8]})"
    other = registry.run_of(run.store, present)
    if other is None:
        return Judgement((), (f"It cannot be compared with {title}, whose run is gone.",))
    try:
        champion = Measured(other.evaluation, other.predictions)
    except UserError as error:
        return Judgement((), (f"It cannot be compared with {title}: {error}.",))
    settings = Resamples.among(run.configuration.section("evaluation"))
    model = Measured(run.evaluation, run.predictions)
    return against_champion(model, champion, title, settings)


def _register(crown: Promotion) -> list[str]:
    model, beaten = crown.candidate.model, crown.judgement.beaten
    if crown.worn is not None:
        return [f"champion of {model}: version {crown.worn.version} already, by this run"]
    champion = registry.make_champion(crown.candidate, " ".join(beaten) or "nothing", crown.forced)
    lines = [f"champion of {model}: version {champion.version}, models:/{model}@champion"]
    lines += [f"  {line}" for line in beaten]
    return lines + ([f"  forced: {crown.forced}"] if crown.forced else [])


def _write(root: Path, files: dict[Path, str]) -> list[str]:
    """Write all files or none.

    :returns: what changed in them, as a unified diff.
    """
    before = {path: _read(root / path) for path in files}
    try:
        for path, text in files.items():
            write_text(root / path, text)
    except BaseException:
        for path, old in before.items():
            if old is None:
                (root / path).unlink(missing_ok=True)
            elif _read(root / path) != old:
                write_text(root / path, old)
        raise
    return [
        line
        for path, text in files.items()
        for line in difflib.unified_diff(
            (before[path] or "").splitlines(),
            text.splitlines(),
            "/dev/null" if before[path] is None else str(path),
            str(path),
            lineterm="",
        )
    ]


def _read(path: Path) -> str | None:
    """A file's text with its own line ends; None if there is none."""
    return path.read_bytes().decode() if path.exists() else None


def _changed(recorded: Resolved, now: Resolved, most: int = 5) -> str:
    items = what_changed(recorded, now)
    if not items:
        return ""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    verb = "measures" if now.identity == recorded.identity else "trains"
    return f"changed since the run: {', '.join(items[:most])}{more}; `dvc repro` {verb} it anew"
