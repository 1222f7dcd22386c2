"""``plait inspect`` and ``plait new``: a look at a file, and an experiment on it."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from plait.artifacts import write_text
from plait.config.chosen import settings_in
from plait.config.compose import Project
from plait.config.levels import check_name, read_yaml
from plait.config.listing import with_listed
from plait.data.delimited import SEPARATORS
from plait.data.header import require
from plait.data.preprocessing import Settings as PreprocessingSettings
from plait.data.reading import PARQUET_ENDING, TEXT_ENDINGS, TextFormat, under_raw
from plait.data.sources import table
from plait.errors import UserError
from plait.evaluation.text_table import aligned
from plait.json_types import Values, list_at, mapping_at
from plait.tables.experiment import text_of
from plait.tables.file_format import format_of
from plait.tables.guess import Stated
from plait.tables.look import Look, Seen, look
from plait.tables.plan import Plan, held_out, plan_of, target_of
from plait.terminal import in_a_line
from plait.workspace import PARAMS, choice_in, defaults_in

Ask = Callable[[str, str], str]
"""From a question and the answer that an empty line stands for to what was answered."""

SHOWN = 24
"""Characters of an example."""

UNPACKED = {".gz": "gunzip --keep", ".zip": "unzip", ".bz2": "bunzip2 --keep", ".xz": "unxz --keep"}
"""By the ending of a packed file, the command that unpacks it."""

WORKBOOKS = (".xlsx", ".xls", ".ods")

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


def inspect_file(
    root: Path,
    file: str,
    target: str | None = None,
    stated: Stated | None = None,
    page: Path | None = None,
) -> str:
    """What there is to see of a file, a line a column.

    :param stated: how the file is written, as far as the user says.
    :param page: where the same is written as HTML.
    :raises UserError: for a file that cannot be read at all, or has no such target.
    """
    seen = _look(root, _in_project(root, file), target, stated=stated)
    lines = _shown(seen)
    if page is not None:
        from plait.tables.page import page_of

        write_text(page, page_of(seen, target))
        lines.append(f"wrote {page}")
    return "\n".join(lines)


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
    stated: Stated | None = None,
) -> list[str]:
    """Write an experiment on a file, and list it.

    :param split: by what, and the column that says it.
    :param ask: for what is not given; None: a good guess stands.
    :param stated: how the file is written, as far as the user says.
    :returns: what to tell.
    :raises UserError: if there is such an experiment, or for a file that can't be learnt from.
    """
    check_name(name, "command line")
    project, path = Project(root), _in_project(root, file)
    place = choice_in(project.conf, "experiment", name)
    if place.exists():
        shown = place.relative_to(root)
        raise UserError(f"{shown} is there already; take another name, or remove it")
    seen = _look(root, path, target, drop, stated)
    for line in _shown(seen):
        print(line)
    plan = _decided(seen, target, task, split, tuple(drop), ask)
    # Once more, now that it is known what to predict: a column may tell it.
    seen = _look(root, path, plan.target, drop, stated)
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
        in_a_line(f"look at {each.name}: {'; '.join(each.remarks)}")
        for each in seen.columns
        if each.remarks and each.name not in plan.drop and each.name != plan.target
    ]
    return [
        "",
        *(in_a_line(f"{key}: {value}  ({plan.because[key]})") for key, value in _decisions(plan)),
        *warned,
        f"wrote {place.relative_to(root)} and listed {name} in {PARAMS}; next: dvc repro",
    ]


def _look(
    root: Path,
    path: str,
    target: str | None,
    drop: Sequence[str] = (),
    stated: Stated | None = None,
) -> Look:
    stated = stated or Stated()
    section = mapping_at(read_yaml(defaults_in(Project(root).conf)), "preprocessing")
    settings = PreprocessingSettings.model_validate(section)
    form = format_of(path, root, {**_format_defaults(root), **stated.format}, stated.format)
    found = look(path, root, form, settings, target, drop, stated)
    if target is not None:
        require([target], [column.name for column in found.columns], path, "--target")
    return found


def stated(
    root: Path,
    *,
    separator: str | None,
    encoding: str | None,
    decimal: str | None,
    missing: Sequence[str],
    date_format: str | None,
) -> Stated:
    """What the user says of how a file is written.

    :param missing: words beside those of ``conf/data/table.yaml``.
    :raises UserError: for what no file can be written by.
    """
    given: Values = {}
    if separator is not None:
        given["separator"] = {"tab": "\t", "\\t": "\t", "space": " "}.get(separator, separator)
    if encoding is not None:
        given["encoding"] = encoding
    if decimal is not None:
        given["decimal"] = decimal
    defaults = _format_defaults(root)
    if missing:
        given["na_values"] = [*list_at(defaults, "na_values"), *missing]
    try:
        TextFormat.model_validate({**defaults, **given})
    except ValidationError as error:
        faults = (f"--{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise UserError("; ".join(faults)) from None
    return Stated(given, date_format)


def _format_defaults(root: Path) -> Values:
    return mapping_at(read_yaml(choice_in(Project(root).conf, "data", "table")), "format")


def _in_project(root: Path, file: str) -> str:
    """The file's path in the project.

    :raises UserError: if it lies elsewhere, or its ending is of no kind that is read.
    """
    # Not resolved: what lies under data/raw/ may be a link to elsewhere, as DVC makes them.
    places = [Path(os.path.abspath(each)) for each in (file, root / file)]
    found = next((place for place in places if place.is_file()), places[1])
    roots = (Path(os.path.abspath(root)), root.resolve())
    within = next((each for each in roots if found.is_relative_to(each)), None)
    path = (found if within is None else found.relative_to(within)).as_posix()
    try:
        path = under_raw(path)
    except ValueError:
        if not found.is_file():
            raise UserError(f"{file}: no such file") from None
        raise UserError(
            f"{file} does not lie under data/raw/, where the project keeps its data; copy it:"
            f" cp {file} data/raw/"
        ) from None
    _check_ending(path)
    return path


def _check_ending(path: str) -> None:
    ending = Path(path).suffix.lower()
    if ending in (*TEXT_ENDINGS, PARQUET_ENDING):
        return
    if ending in UNPACKED:
        raise UserError(f"{path} is packed; unpack it: {UNPACKED[ending]} {path}")
    kinds = ", ".join((*TEXT_ENDINGS, PARQUET_ENDING))
    saved = "; save it from there as CSV (UTF-8)" if ending in WORKBOOKS else ""
    raise UserError(f"{path}: files that end in {kinds} are read{saved}")


def _shown(seen: Look) -> list[str]:
    rows = [("column", "type", "missing", "distinct", "example", "what becomes of it")]
    rows += [_row(column) for column in seen.columns]
    return [f"{seen.path}: {seen.rows} rows{_form(seen.format)}", *aligned(rows, right=(2, 3))]


def _form(form: TextFormat) -> str:
    """What is out of the ordinary of how a file is written."""
    told = []
    if form.encoding != "utf-8":
        told.append(form.encoding)
    if form.separator != ",":
        told.append(f"separated by {SEPARATORS.get(form.separator, repr(form.separator))}")
    if form.decimal != ".":
        told.append(f"{form.decimal!r} before decimals")
    return f" ({', '.join(told)})" if told else ""


def _row(column: Seen) -> tuple[str, str, str, str, str, str]:
    example = " ".join(column.example.split())
    if len(example) > SHOWN:
        example = f"{example[: SHOWN - 1]}…"
    return (
        in_a_line(column.name),
        column.type or "faulty",
        f"{column.missing:.0%}" if column.missing in (0, 1) else f"{column.missing:.1%}",
        str(column.distinct),
        in_a_line(example),
        in_a_line("; ".join([column.treatment, *column.remarks])),
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
                "--target: which column is to be predicted? there are: "
                + ", ".join(map(in_a_line, names))
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
        given = {"by": by, **held_out(seen, of_column)}
        if of_column is not None:
            given["column"] = of_column
        if given == guess.split:
            given = None
    return plan_of(seen, target=found, because=because, task=task, split=given, drop=drop)


def _shares(plan: Plan) -> str:
    chosen_by = "15 % to choose by, " if plan.split["val"] else ""
    return f"{chosen_by}a fifth to test"


def _decisions(plan: Plan) -> list[tuple[str, str]]:
    column = plan.split.get("column")
    by = f"by {plan.split['by']}" if column else str(plan.split["by"])
    told = [
        ("target", plan.target),
        ("task", plan.task),
        ("split", f"{by}{f' of {column}' if column else ''}, {_shares(plan)}"),
    ]
    return [*told, ("drop", ", ".join(plan.drop))] if plan.drop else told


def is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()
