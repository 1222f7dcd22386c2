"""One more experiment in ``params.yaml``, by an edit of its text: nothing else in it changes.

A round trip by ruamel.yaml keeps comments, but not indentation, the spacing and line breaks within
braces, the marks of a document or the line ends.
"""

import yaml

from plait.errors import UserError


def with_listed(text: str, name: str) -> str:
    """``params.yaml`` with ``NAME: {}`` as the last experiment that it lists.

    :param text: the file's, which lists an experiment already.
    :raises UserError: if the list is written in a way that no line can be added to.
    """
    experiments = _experiments(text)
    if experiments.flow_style:
        raise UserError(
            "params.yaml: `experiments` stands in braces, where no line can be added;\n"
            "  write it an experiment a line, such as `  market: {}`"
        )
    indent = " " * experiments.value[0][0].start_mark.column
    line_end = "\r\n" if "\r\n" in text else "\n"
    # What follows the last value on its line is a comment on it.
    rest = text.find("\n", _end(experiments))
    cut = len(text) if rest < 0 else rest + 1
    above = text[:cut] if text[:cut].endswith("\n") else text + line_end
    longer = f"{above}{indent}{name}: {{}}{line_end}{text[cut:]}"
    before, after = (yaml.safe_load(each)["experiments"] for each in (text, longer))
    if list(after.items()) != [*before.items(), (name, {})]:
        raise UserError(f"params.yaml: no line can be added to `experiments`; add `{name}: {{}}`")
    return longer


def _experiments(text: str) -> yaml.MappingNode:
    top = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(top, yaml.MappingNode), "params.yaml has been read before"
    (value,) = [value for key, value in top.value if key.value == "experiments"]
    assert isinstance(value, yaml.MappingNode), "which lists an experiment already"
    return value


def _end(node: yaml.ScalarNode | yaml.CollectionNode) -> int:
    """Where the text of a node ends.

    PyYAML gives a block the end of the comments behind it, so the last thing inside it counts.
    """
    if isinstance(node, yaml.ScalarNode):
        # A block of text ends behind its last line, at the start of another.
        return int(node.end_mark.index) - (node.style in ("|", ">"))
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    if isinstance(node, yaml.SequenceNode):
        return _end(node.value[-1])
    key, value = node.value[-1]
    # An alias has its place where its anchor is.
    return max(int(key.end_mark.index), _end(value))
