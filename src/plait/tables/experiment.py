"""A plan as an experiment: ``conf/experiment/NAME.yaml``, each decision with its reason."""

import yaml

from plait.json_types import Plain, Values
from plait.tables.look import Look
from plait.tables.plan import Plan

MODEL = "gradient_boosting"
"""What learns from tables of any kind without being tuned."""


def text_of(name: str, look: Look, plan: Plan, defaults: Values) -> str:
    """The experiment's file.

    :param defaults: the section ``data.format``; what differs from it is written down.
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
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def _flow(value: Plain) -> str:
    """A value on one line."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()
