"""``plait inspect`` and ``plait new``: a look at a file, and an experiment on it."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from plait.artifacts import write_text
from plait.config.chosen import settings_in
from plait.config.compose import Project
from plait.config.levels import check_name, read_yaml
from plait.config.listing import with_listed
from plait.data.header import require
from plait.data.preprocessing import Settings as PreprocessingSettings
from plait.data.reading import under_raw
from plait.data.sources import table
from plait.errors import UserError
from plait.evaluation.text_table import aligned
from plait.json_types import Values, mapping_at
from plait.tables.experiment import text_of
from plait.tables.file_format import format_of
from plait.tables.look import Look, Seen, look
from plait.tables.plan import Plan, plan_of, target_of
from plait.workspace import PARAMS, choice_in, defaults_in

Ask = Callable[[str, str], str]
"""From a question and the answer that an empty line stands for to what was answered."""

SHOWN = 24
"""Characters of an example."""

TASKS = ("regression", "classification")

WAYS = ("random", "stratified", "time", "group")
"""Of dividing rows."""


def on_terminal(question: str, default: str) -> str:
    """Ask a person.

    :raises UserError: where nobody answers.
    """
    try:
        return input(f"{question} [{default}]: ").strip() or default
    except EOFError:
        raise UserError("no answer; give it by a flag, or --yes takes the guess") from None


def inspect_file(root: Path, file: str, target: str | None = None) -> str:
    """What there is to see of a file, a line a column.

    :raises UserError: for a file that cannot be read at all.
    """
    path = _in_project(root, file)
    return "\n".join(_shown(_look(root, path, target)))


def new(
    root: Path,
    name: str,
    file: str,
    *,
    target: str | None,
    task: str | None,
    split: tuple[str, str | None] | None,
    drop: Sequence[str],
    ask: Ask | None,
) -> list[str]:
    """Write an experiment on a file, and list it.

    :param split: by what, and the column that says it.
    :param ask: for what is not given; None: a good guess stands.
    :returns: what to tell.
    :raises UserError: if there is such an experiment, or for a file that can't be learnt from.
    """
    check_name(name, "command line")
    project, path = Project(root), _in_project(root, file)
    place = choice_in(project.conf, "experiment", name)
    if place.exists():
        shown = place.relative_to(root)
        raise UserError(f"{shown} is there already; take another name, or remove it")
    seen = _look(root, path, target, drop)
    for line in _shown(seen):
        print(line)
    plan = _decided(seen, target, task, split, tuple(drop), ask)
    # Once more, now that it is known what to predict: a column may tell it.
    seen = _look(root, path, plan.target, drop)
    write_text(place, text_of(name, seen, plan, _format_defaults(root)))
    try:
        resolved = project.compose(name, params={})
        # What could not be learnt from is not listed.
        table.read(settings_in(resolved, "data", table.Settings), root)
        if name not in project.listed:
            text = (root / PARAMS).read_text(encoding="utf-8")
            write_text(root / PARAMS, with_listed(text, name))
    except UserError:
        place.unlink()
        raise
    warned = [
        f"look at {each.name}: {'; '.join(each.remarks)}"
        for each in seen.columns
        if each.remarks and each.name not in plan.drop and each.name != plan.target
    ]
    return [
        "",
        *(f"{key}: {value}  ({plan.because[key]})" for key, value in _decisions(plan)),
        *warned,
        f"wrote {place.relative_to(root)} and listed {name} in {PARAMS}; next: dvc repro",
    ]


def _look(root: Path, path: str, target: str | None, drop: Sequence[str] = ()) -> Look:
    section = mapping_at(read_yaml(defaults_in(Project(root).conf)), "preprocessing")
    settings = PreprocessingSettings.model_validate(section)
    return look(path, root, format_of(path, root, _format_defaults(root)), settings, target, drop)


def _format_defaults(root: Path) -> Values:
    return mapping_at(read_yaml(choice_in(Project(root).conf, "data", "table")), "format")


def _in_project(root: Path, file: str) -> str:
    """The file's path in the project.

    :raises UserError: if it lies elsewhere.
    """
    found = Path(file).resolve()
    if not found.is_file():
        found = (root / file).resolve()
    inside = found.is_relative_to(root.resolve())
    path = found.relative_to(root.resolve()).as_posix() if inside else found.as_posix()
    try:
        return under_raw(path)
    except ValueError:
        if not found.is_file():
            raise UserError(f"{file}: no such file") from None
        raise UserError(
            f"{file} does not lie under data/raw/, where the project keeps its data; copy it:"
            f" cp {file} data/raw/"
        ) from None


def _shown(seen: Look) -> list[str]:
    rows = [("column", "type", "missing", "distinct", "example", "what becomes of it")]
    rows += [_row(column) for column in seen.columns]
    return [f"{seen.path}: {seen.rows} rows", *aligned(rows, right=(2, 3))]


def _row(column: Seen) -> tuple[str, str, str, str, str, str]:
    example = " ".join(column.example.split())
    if len(example) > SHOWN:
        example = f"{example[: SHOWN - 1]}…"
    return (
        column.name,
        column.type or "faulty",
        f"{column.missing:.0%}" if column.missing in (0, 1) else f"{column.missing:.1%}",
        str(column.distinct),
        example,
        "; ".join([column.treatment, *column.remarks]),
    )


def _decided(
    seen: Look,
    target: str | None,
    task: str | None,
    split: tuple[str, str | None] | None,
    drop: tuple[str, ...],
    ask: Ask | None,
) -> Plan:
    names = [column.name for column in seen.columns]
    require(drop, names, seen.path, "--drop")
    found, because = target_of(seen, target)
    if target is None:
        if ask is None:
            raise UserError(
                f"--target: which column is to be predicted? there are: {', '.join(names)}"
            )
        found, because = target_of(seen, ask("column to predict", found))
    guess = plan_of(seen, target=found, because=because, task=task, drop=drop)
    if task is None and ask is not None:
        task = ask(f"kind of target, {' or '.join(TASKS)}", guess.task)
        if task not in TASKS:
            raise UserError(f"{task!r} is none of {', '.join(TASKS)}")
    if split is None and ask is not None:
        column = guess.split.get("column")
        shown = str(guess.split["by"]) + (f" {column}" if column else "")
        by, _, of = ask(
            "division of rows: random, stratified, time COLUMN, group COLUMN", shown
        ).partition(" ")
        split = (by, of.strip() or None)
    given: Values | None = None
    if split is not None:
        by, of_column = split
        if by not in WAYS:
            raise UserError(f"--split: {by!r} is none of {', '.join(WAYS)}")
        require([of_column] if of_column else [], names, seen.path, "--split")
        given = {"by": by, "val": 0.0, "test": 0.2}
        if of_column is not None:
            given["column"] = of_column
        if given == guess.split:
            given = None
    return plan_of(seen, target=found, because=because, task=task, split=given, drop=drop)


def _decisions(plan: Plan) -> list[tuple[str, str]]:
    column = plan.split.get("column")
    by = f"by {plan.split['by']}" if column else str(plan.split["by"])
    told = [
        ("target", plan.target),
        ("task", plan.task),
        ("split", f"{by}{f' of {column}' if column else ''}, a fifth to test"),
    ]
    return [*told, ("drop", ", ".join(plan.drop))] if plan.drop else told


def is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()
