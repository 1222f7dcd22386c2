"""``plait explain``: which file, or level, set a value, and what it replaced."""

import difflib
from typing import Any

from plait.config.compose import DEFAULT_OBJECTIVES, Project
from plait.config.levels import flat, level_of_params, read_yaml
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
        return f"{leaf} = {value}\n  {why}"
    lines = [f"{leaf} = {value}"]
    if value is None and found[-1][1] is not None:
        lines.append("  cleared: the model does not use it")
    for number, (origin, given) in enumerate(reversed(found)):
        mark = "set by" if number == 0 else "replaced"
        lines.append(f"  {mark} {origin}: {given}")
    return "\n".join(lines)


def _sources(project: Project, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Flat values by origin, lowest precedence first."""
    conf = project.conf
    root = read_yaml(conf / "config.yaml")
    sources: list[tuple[str, dict[str, Any]]] = [("conf/config.yaml", _plain(root))]
    resolved = project.compose(name)
    for group, definition in GROUPS.items():
        section = resolved[group]
        if not section:
            continue
        for choice in section if definition.several else [section["choice"]]:
            values = read_yaml(conf / group / f"{choice}.yaml")
            sources.append((f"conf/{group}/{choice}.yaml", dict(flat({group: values}))))
    sources += _experiment_files(project, name)
    level = level_of_params(project.listed.get(name, {}))
    sources.append(("params.yaml", dict(level.deviations())))
    return sources


def _experiment_files(project: Project, name: str) -> list[tuple[str, dict[str, Any]]]:
    """An experiment file, after the ones that it builds upon."""
    values = read_yaml(project.conf / "experiment" / f"{name}.yaml")
    below: list[tuple[str, dict[str, Any]]] = []
    for item in values.get("defaults", []):
        if isinstance(item, str) and item != "_self_":
            below += _experiment_files(project, item)
    return [*below, (f"conf/experiment/{name}.yaml", _plain(values))]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """A file's values flat, its defaults list read as choices."""
    found = dict(flat({key: value for key, value in values.items() if key != "defaults"}))
    for item in values.get("defaults", []):
        if isinstance(item, dict):
            for key, value in item.items():
                group = key.removeprefix("override").strip().strip("/")
                if value not in (None, []):
                    found[group] = value
    return found
