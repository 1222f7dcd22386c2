"""What counts of a module's source: its syntax tree, and what it imports."""

import ast
from collections.abc import Iterator

from plait.public import PUBLIC

TYPE_CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name imported anywhere in a module, save for type checking alone."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield base
            # A name imported from a first-party package may itself be a module; one of the public
            # face is of the module that defines it.
            if base.partition(".")[0] == "plait":
                whole = [f"{base}.{alias.name}" for alias in node.names]
                yield from (PUBLIC.get(name.removeprefix("plait."), name) for name in whole)
        elif isinstance(node, ast.Call) and _calls_find_spec(node):
            # A package that is used as files, not imported: bokeh_sampledata.
            yield from (str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))
        elif isinstance(node, ast.If) and ast.unparse(node.test) in TYPE_CHECKING:
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)


def _calls_find_spec(node: ast.Call) -> bool:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "find_spec"


def canonical(node: object) -> Iterator[str]:
    """A module's syntax tree as text, without docstrings, empty fields and positions.

    Not `ast.dump`: its output differs between Python versions.
    """
    if isinstance(node, ast.AST):
        yield type(node).__name__ + "("
        for field, value in ast.iter_fields(node):
            if value is None or value == [] or field in ("kind", "type_comment"):
                continue
            if field == "body" and isinstance(value, list):
                value = [inner for inner in value if not _is_bare_string(inner)]
            yield field + "="
            yield from canonical(value)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from canonical(item)
            yield ","
    else:
        yield repr(node)


def _is_bare_string(node: object) -> bool:
    """A docstring, of a module, class, function or attribute: it does nothing when run."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
