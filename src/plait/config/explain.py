"""``plait explain``: which file, or level, set a value, and what it replaced."""

import difflib
from typing import Any

from plait.config.compose import DEFAULT_OBJECTIVES, Project
from plait.config.fields import as_yaml
from plait.config.levels import experiment_levels, flat, level_of_params, read_yaml
from plait.config.pairs import GROUPS
from plait.errors import ConfigurationError


def explain(project: Project, name: str, key: str) -> str:
    """The value at ``key`` of an experiment, and where each level set it, the last one winning.

    :param key: dotted, such as ``optimizer.lr``; a group or section explains all of its values.
    :raises ConfigurationError: for a key that the experiment does not have.
    """
    resolved = project.compose(name)
    leaves = {k.removesuffix(".choice"): v for k, v in flat(resolved.values)}
    below = [leaf for leaf in leaves if leaf == key or leaf.startswith(f"{key}.")]
    if not below:
        near = difflib.get_close_matches(key, leaves, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigurationError(f"{name}: no such key: {key}{hint}")
    return "\n".join(_explain_leaf(project, name, leaf, leaves[leaf]) for leaf in below)


def _explain_leaf(project: Project, name: str, leaf: str, value: Any) -> str:
    found = [(origin, values[leaf]) for origin, values in _sources(project, name) if leaf in values]
    if not found:
        if leaf == "objective" and value in DEFAULT_OBJECTIVES.values():
            return f"{leaf} = {value}\n  by the task of the data"
        why = "the model does not use it" if value is None else "derived by compose"
        return f"{leaf} = {as_yaml(value)}\n  {why}"
    lines = [f"{leaf} = {as_yaml(value)}"]
    if value is None and found[-1][1] is not None:
        lines.append("  cleared: the model does not use it")
    for number, (origin, given) in enumerate(reversed(found)):
        mark = "set by" if number == 0 else "replaced"
        lines.append(f"  {mark} {origin}: {as_yaml(given)}")
    return "\n".join(lines)


def _sources(project: Project, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Flat values by origin, lowest precedence first."""
    conf = project.conf
    root = read_yaml(conf / "config.yaml")
    sources: list[tuple[str, dict[str, Any]]] = [("conf/config.yaml", _defaults(root))]
    resolved = project.compose(name)
    for group, definition in GROUPS.items():
        section = resolved[group]
        if not section:
            continue
        for choice in section if definition.several else [section["choice"]]:
            values = read_yaml(conf / group / f"{choice}.yaml")
            sources.append((f"conf/{group}/{choice}.yaml", dict(flat({group: values}))))
    levels = [*experiment_levels(conf, name), level_of_params(project.listed.get(name, {}))]
    return sources + [(level.origin, dict(level.deviations())) for level in levels]


def _defaults(values: dict[str, Any]) -> dict[str, Any]:
    """The values of ``conf/config.yaml`` flat, its defaults list read as choices."""
    found = dict(flat({key: value for key, value in values.items() if key != "defaults"}))
    for item in values["defaults"]:
        if isinstance(item, dict):
            found |= {key: value for key, value in item.items() if value not in (None, [])}
    return found
