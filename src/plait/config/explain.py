"""``plait explain``: which file, or level, set a value, and what it replaced."""

from plait.config.compose import Project
from plait.config.fields import as_yaml
from plait.config.levels import flat
from plait.config.menu import Merged
from plait.config.renamed import key_today
from plait.errors import ConfigurationError, did_you_mean
from plait.json_types import Json


def explain(project: Project, name: str, key: str) -> str:
    """The value at ``key`` of an experiment, and where each level set it, the last one winning.

    :param key: dotted, such as ``optimizer.lr``; a group or section explains all of its values.
    :raises ConfigurationError: for a key that the experiment does not have.
    """
    resolved, merged = project.compose(name), project.merge(name)
    leaves = {leaf.removesuffix(".choice"): value for leaf, value in flat(resolved.values)}
    below = [leaf for leaf in leaves if leaf == key or leaf.startswith(f"{key}.")]
    if not below:
        new = key_today(key, leaves.get(key.partition(".")[0]))
        if new in leaves:
            raise ConfigurationError(f"{name}: {key} is now {new}")
        raise ConfigurationError(f"{name}: no such key: {key}{did_you_mean(key, leaves)}")
    return "\n".join(_explain_leaf(merged, leaf, leaves[leaf]) for leaf in below)


def _explain_leaf(merged: Merged, leaf: str, value: Json) -> str:
    sources = [(level.origin, dict(level.deviations())) for level in merged.levels]
    found = [(origin, values[leaf]) for origin, values in sources if leaf in values]
    lines = [f"{leaf} = {as_yaml(value)}"]
    if leaf == "objective" and value is not None and not found[-1][1]:
        return f"{lines[0]}\n  by the task of the data"
    if not found:
        why = "the model does not use it" if value is None else "derived by compose"
        return f"{lines[0]}\n  {why}"
    if value is None and found[-1][1] is not None:
        lines.append("  cleared: the model does not use it")
    for number, (origin, given) in enumerate(reversed(found)):
        mark = "set by" if number == 0 else "replaced"
        lines.append(f"  {mark} {origin}: {as_yaml(given)}")
    return "\n".join(lines)
