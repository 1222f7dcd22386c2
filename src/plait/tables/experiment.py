"""A plan as an experiment: ``conf/experiment/NAME.yaml``, each decision with its reason."""

import re

import yaml

from plait.errors import UserError
from plait.json_types import Plain, Values
from plait.tables.look import Look
from plait.tables.plan import Plan
from plait.terminal import in_a_line

MODEL = "gradient_boosting"
"""What learns from tables of any kind without being tuned."""


def text_of(name: str, look: Look, plan: Plan, defaults: Values) -> str:
    """The experiment's file.

    :param defaults: the section ``data.format``; what differs from it is written down.
    :raises UserError: for a column that has to be named and cannot be.
    """
    elsewhere = {plan.target, plan.split.get("column"), *plan.drop}
    features = [
        each.name for each in look.columns if each.name not in elsewhere and not each.left_out
    ]
    described = f"{plan.target} from {len(features)} columns of {look.path}"
    lines = [
        "# @package _global_",
        f"description: {_flow(described)}",
        "defaults:",
        "  - override /data: table",
        f"  - override /model: {MODEL}",
        "",
        "data:",
        f"  path: {_flow(look.path)}",
        f"  target: {_flow(plan.target)}  # {plan.because['target']}",
        f"  task: {plan.task}  # {plan.because['task']}",
        f"  split: {_flow(plan.split)}  # {plan.because['split']}",
    ]
    types: Values = {
        name: kind
        for name, kind in look.guess.types.items()
        if name not in elsewhere and not look.column(name).fault
    }
    if types:
        reasons = (f"{name}: {look.guess.remarks[name][-1]}" for name in types)
        lines.append(f"  types: {_flow(types)}  # {'; '.join(reasons)}")
    if look.guess.date_format is not None:
        lines.append(f"  date_format: {_flow(look.guess.date_format)}  # as dates are written")
    if plan.drop:
        lines.append(f"  drop: {_flow([*plan.drop])}  # {plan.because['drop']}")
    written = look.format.model_dump()
    differs: Values = {key: value for key, value in written.items() if value != defaults[key]}
    if differs:
        lines.append(f"  format: {_flow(differs)}  # as the file is written")
    lines += ["", "# What was seen:"]
    for each in look.columns:
        remarks = "".join(f"; {remark}" for remark in each.remarks)
        lines.append(f"#   {each.name}: {each.treatment}{remarks}")
    return "\n".join(map(in_a_line, lines)) + "\n"


class _Dumper(yaml.SafeDumper):
    """On one line, whatever a text holds."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", _escaped(text), style=style)


_Dumper.add_representer(str, _text)


def _escaped(text: str) -> str:
    """As a configuration has to hold it, in which ``${…}`` refers to another value.

    :raises UserError: for what a configuration takes for a value that is missing.
    """
    if text == "???":
        raise UserError(
            "a column named '???' cannot be named in a configuration, where that stands for a"
            " missing value; rename it in the file"
        )
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def _flow(value: Plain) -> str:
    """A value on one line."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        allow_unicode=True,
        width=10**6,
        sort_keys=False,
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()
