"""``plait options``: the choices of each group, with fields, units, ranges and defaults."""

from pathlib import Path

from plait.config.check import Root, unknown_choice
from plait.config.extras import need_of
from plait.config.fields import as_yaml, interval_of, kind_words, nested
from plait.config.levels import read_yaml
from plait.config.registry import SECTIONS, choices, section_settings, settings_of
from plait.errors import ConfigurationError
from plait.json_types import Values, list_at, mapping_at
from plait.pipeline.stages import GROUPS
from plait.settings import Settings
from plait.workspace import choice_in, defaults_in

FILES = ("experiment", "debug", "sweep")
"""Groups whose choices are values of others'."""


def describe_groups(conf: Path) -> str:
    """A line for each group and section: its choices, the default marked."""
    defaults = _defaults(conf)
    lines = ["Groups, one choice each (params.yaml: `model: mlp`); * is the default:"]
    for group, definition in GROUPS.items():
        needs = {
            f"{name}*" if name == defaults.get(group) else name: need_of(
                f"{definition.package}.{name}"
            )
            for name in choices(conf, group)
        }
        lines.append(listed(group, needs))
    lines += [listed(group, dict.fromkeys(choices(conf, group), "")) for group in FILES]
    lines.append("Sections of values (`trainer: {max_epochs: 10}`):")
    lines += [
        f"  {section:<15}{', '.join(section_settings(section).model_fields)}"
        for section in SECTIONS
    ]
    lines.append(f"  {'(root)':<15}{', '.join(Root.model_fields)}")
    lines.append("`plait options GROUP` shows the fields.")
    return "\n".join(lines)


def describe(conf: Path, group: str) -> str:
    """The choices of a group, or a section, with their fields.

    :raises ConfigurationError: for an unknown group.
    """
    if group in SECTIONS:
        values = mapping_at(read_yaml(defaults_in(conf)), group)
        return "\n".join([f"{group}", *_fields(section_settings(group), values)])
    if group in FILES:
        blocks = []
        for name in choices(conf, group):
            path = choice_in(conf, group, name)
            line = read_yaml(path).get("description") or _comment(path)
            blocks.append(f"{name:<20}{line}")
        return "\n".join(blocks)
    if group not in GROUPS:
        raise ConfigurationError(unknown_choice("options", group, [*GROUPS, *SECTIONS, *FILES]))
    blocks = []
    for name in choices(conf, group):
        path = choice_in(conf, group, name)
        values = read_yaml(path)
        values = mapping_at(values, name) if GROUPS[group].several else values
        default = " (default)" if _defaults(conf).get(group) == name else ""
        need = need_of(f"{GROUPS[group].package}.{name}")
        said = f"{_comment(path)} [{need}]" if need else _comment(path)
        header = f"{group}: {name}{default}   {said}"
        blocks.append("\n".join([header, *_fields(settings_of(group, name), values)]))
    return "\n\n".join(blocks)


def listed(group: str, needs: dict[str, str]) -> str:
    """The line of a group.

    :param needs: what each choice needs, by its name; empty where nothing.
    """
    needed = set(needs.values())
    if len(needed) == 1 and any(needed):
        return f"  {group:<15}{', '.join(needs)} [{needed.pop()}]"
    names = (f"{name} [{need}]" if need else name for name, need in needs.items())
    return f"  {group:<15}{', '.join(names)}"


def _defaults(conf: Path) -> Values:
    listed = list_at(read_yaml(defaults_in(conf)), "defaults")
    return {key: value for item in listed if isinstance(item, dict) for key, value in item.items()}


def _comment(path: Path) -> str:
    """The comment that a file starts with."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and not line.startswith("# @"):
            return line.removeprefix("#").strip()
    return ""


def _fields(cls: type[Settings], values: Values, above: str = "") -> list[str]:
    lines: list[str] = []
    for name, field in cls.model_fields.items():
        if inner := nested(field):
            lines += _fields(inner, mapping_at(values, name), f"{above}{name}.")
            continue
        extra = field.json_schema_extra
        unit = extra.get("unit") if isinstance(extra, dict) else None
        kind = " ".join(filter(None, [kind_words(field.annotation), interval_of(field.metadata)]))
        default = as_yaml(values.get(name))
        meaning = f"{field.description or ''}{f' [{unit}]' if unit else ''}"
        lines.append(f"  {above + name:<22} {default:<15} {meaning}; {kind}")
    return lines
