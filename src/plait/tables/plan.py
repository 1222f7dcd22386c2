"""What to learn from a table, and how its rows are divided: what is asked for, or a good guess."""

import re
from collections.abc import Container
from dataclasses import dataclass

from plait.data.header import require
from plait.errors import UserError
from plait.json_types import Values
from plait.tables.look import Look, Seen
from plait.tasks.registry import task_named

TARGETS = re.compile(r"(?i)(target|label|class|outcome|survived|churn(ed)?|response|y)")
"""Names of columns that commonly are the target; else the last column is."""

ENTITIES = re.compile(
    r"(?i)(^|[\W_])(customer|client|user|patient|subject|person|account|household|member|student"
    r"|session|device|machine)($|[\W_]|[\W_]?(id|no|nr|number|name)$)"
)
"""Names of columns that commonly say whom several rows are about."""

BIRTHS = re.compile(r"(?i)birth|born|(^|[\W_])dob($|[\W_])|geburt|geboren|naissance|nacimiento")
"""Names of columns whose dates say how old somebody is, not when a row came about."""

FEW_CLASSES = 10
"""Distinct whole numbers up to which a target of numbers is taken for classes."""


VALIDATED, TESTED = 0.15, 0.2
"""Shares of the rows that are held out: to choose by, and to be measured on."""

LEAST_ROWS, LEAST_UNITS = 200, 20
"""Fewest rows, and fewest times or groups, of which some are held out to choose by."""

CHOOSES = "; val to choose models by"


@dataclass(frozen=True)
class Plan:
    """An experiment on a table; each decision with its reason."""

    target: str
    task: str
    split: Values
    drop: tuple[str, ...]
    because: dict[str, str]
    """By ``target``, ``task``, ``split`` and ``drop``."""


def target_of(look: Look, given: str | None) -> tuple[str, str]:
    """The column to predict, and why.

    :raises UserError: for a name that no column has.
    """
    names = [column.name for column in look.columns]
    if given is not None:
        require([given], names, look.path, "--target")
        return given, "as asked for"
    for name in names:
        if TARGETS.fullmatch(name):
            return name, "by its name"
    return names[-1], "the last column"


def task_of(target: Seen, look: Look) -> tuple[str, str]:
    """The kind of target, and why.

    :raises UserError: for a target whose values are faulty.
    """
    if target.fault is not None:
        raise UserError(f"{look.path}: {target.fault}")
    if target.type == "category":
        return "classification", f"{target.distinct} different words"
    if target.type == "date":
        raise UserError(
            f"{look.path}: column {target.name!r} holds dates, which are no target; make numbers of"
            " them, such as days"
        )
    values = look.values[target.name].dropna()
    whole = bool((values == values.round()).all())
    if whole and target.distinct <= FEW_CLASSES:
        return "classification", f"{target.distinct} different whole numbers"
    return "regression", "numbers"


def split_of(look: Look, target: str, task: str, drop: Container[str] = ()) -> tuple[Values, str]:
    """How rows are divided, and why: as what comes later differs from what was learnt."""
    beside = [
        column
        for column in look.columns
        if column.name != target and column.name not in drop and not column.fault
    ]
    for column in beside:
        dated = column.type == "date" and not BIRTHS.search(column.name)
        if dated and column.distinct >= 20 and not column.missing:
            return (
                {"by": "time", "column": column.name, **held_out(look, column.name)},
                f"{column.name} says when, and what is predicted comes later",
            )
    for column in beside:
        repeated = 2 <= column.distinct <= look.rows / 2 and column.distinct >= 10
        if repeated and not column.missing and ENTITIES.search(column.name):
            return (
                {"by": "group", "column": column.name, **held_out(look, column.name)},
                f"rows of one {column.name} resemble each other, and others will come",
            )
    if not task_named(task).scalar:
        return {"by": "stratified", **held_out(look)}, "equal shares of the classes"
    return {"by": "random", **held_out(look)}, "rows in no order"


def held_out(look: Look, column: str | None = None) -> Values:
    """The sizes of validation and test part, as the rows allow.

    :param column: of times or groups, which are divided whole.
    """
    few = look.rows < LEAST_ROWS
    if column is not None:
        few = few or look.column(column).distinct < LEAST_UNITS
    return {"val": 0.0 if few else VALIDATED, "test": TESTED}


def plan_of(
    look: Look,
    *,
    target: str,
    because: str,
    task: str | None = None,
    split: Values | None = None,
    drop: tuple[str, ...] = (),
) -> Plan:
    """The experiment; what is None is guessed.

    :param because: why this is the target.
    :raises UserError: for a target that can't be one.
    """
    seen = look.column(target)
    guessed, reason = task_of(seen, look)
    why_task = reason if task in (None, guessed) else "as asked for"
    task = task or guessed
    found, why_split = split_of(look, target, task, drop)
    faulty = tuple(each.name for each in look.columns if each.fault and each.name not in drop)
    why_drop = "as asked for" if drop else ""
    if faulty:
        why_drop = f"{why_drop}{'; ' if drop else ''}values to be mended: {', '.join(faulty)}"
    divided = found if split is None else split
    why_split = why_split if split is None else "as asked for"
    return Plan(
        target,
        task,
        divided,
        (*drop, *faulty),
        {
            "target": because,
            "task": why_task,
            "split": f"{why_split}{CHOOSES if divided['val'] else ''}",
            "drop": why_drop,
        },
    )
