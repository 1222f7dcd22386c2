"""A bare environment: Python, plait of a checkout, and what a plain installation of it brings.

It is made of links into the environment of the tests, in a second and without a network.
"""

import subprocess
import sys
import sysconfig
import tomllib
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checkouts import ROOT

SCRIPT = """#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""


def required(requirement: str) -> dict[str, Distribution]:
    """The installed distributions that a requirement brings, by name, its own included.

    :param requirement: such as ``plait[text]``.
    """
    found: dict[str, Distribution] = {}
    met = set()
    waiting = [Requirement(requirement)]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in met:
            continue
        met.add((name, frozenset(wanted.extras)))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            # pip has let it pass, so it is a package for another machine.
            continue
        listed = _own() if name == "plait" else map(Requirement, found[name].requires or [])
        extras = {"", *wanted.extras}
        waiting += [
            further
            for further in listed
            if further.marker is None
            or any(further.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


def import_names(installed: Distribution) -> set[str]:
    """What of a distribution can be imported."""
    tops = {_top(path) for path in _files(installed)}
    return {top.partition(".")[0] for top in tops if not top.endswith(".dist-info")} - {""}


def _own() -> list[Requirement]:
    """plait's own, as ``pyproject.toml`` has them, not as they were when it was installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [Requirement(text) for text in project["dependencies"]]
    for extra, texts in project["optional-dependencies"].items():
        found += [Requirement(f'{text} ; extra == "{extra}"') for text in texts]
    return found


def make_bare(folder: Path, checkout: Path) -> Path:
    """Make a bare environment.

    :param checkout: whose ``src`` is installed in it as by ``pip install --editable``.
    :returns: its folder of programs.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    programs = folder / "bin"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    wanted = required("plait")
    _link(wanted, packages)
    for each in wanted.values():
        for entry in each.entry_points.select(group="console_scripts"):
            module, _, function = entry.value.partition(" ")[0].partition(":")
            script = programs / entry.name
            text = SCRIPT.format(python=programs / "python", module=module, function=function)
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
    (packages / "plait.pth").write_text(f"{checkout / 'src'}\n", encoding="utf-8")
    return programs


def _link(wanted: dict[str, Distribution], packages: Path) -> None:
    """Link the files of distributions; a folder as a whole where it is of these alone."""
    source = Path(sysconfig.get_path("purelib"))
    files = {canonicalize_name(each.name): _files(each) for each in distributions()}
    owners: dict[str, set[str]] = defaultdict(set)
    for name, paths in files.items():
        for top in {_top(path) for path in paths}:
            owners[top].add(name)
    for name in wanted:
        whole = {_top(path) for path in files[name] if owners[_top(path)] <= wanted.keys()}
        # Programs are made anew; what makes plait importable is of another checkout.
        shared = {path for path in files[name] if _top(path) not in {*whole, ".."}}
        if name == "plait":
            whole, shared = {top for top in whole if top.endswith(".dist-info")}, set()
        for path in whole - {".."} | shared:
            link = packages / path
            if not link.is_symlink() and (source / path).exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(source / path)


def _files(installed: Distribution) -> list[str]:
    """The paths of its files; `Distribution.files` takes a minute for all there are."""
    record = installed.read_text("RECORD") or ""
    return [line.rsplit(",", 2)[0].strip('"') for line in record.splitlines()]


def _top(path: str) -> str:
    return path.partition("/")[0]
