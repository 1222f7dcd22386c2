"""What is known of a module is what was loaded, whatever its file and ``__pycache__`` say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkouts import ROOT


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """A package that loads its modules as plait does."""
    package = tmp_path / "src" / "plait"
    package.mkdir(parents=True)
    for name in ("__init__.py", "loaded.py"):
        shutil.copy(ROOT / "src" / "plait" / name, package / name)
    return tmp_path / "src"


def run(src: Path, program: str, *arguments: str) -> str:
    command = [sys.executable, *(arguments or ("-c", program))]
    environment = {**os.environ, "PYTHONPATH": str(src)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    answer = subprocess.run(
        command, env=environment, cwd=src.parent, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


SAY = "import plait.number; from plait import loaded; print(plait.number.N)"


def test_an_edit_of_the_same_length_and_second_is_loaded(src: Path) -> None:
    module = src / "plait" / "number.py"
    module.write_text("N = 1\n")
    times = (module.stat().st_atime_ns, module.stat().st_mtime_ns)
    assert run(src, SAY) == "1"
    module.write_text("N = 2\n")
    os.utime(module, ns=times)
    assert run(src, SAY) == "2"


def test_code_that_was_compiled_from_the_same_bytes_is_taken(src: Path) -> None:
    module = src / "plait" / "number.py"
    module.write_text("N = 1\n")
    run(src, SAY)
    (compiled,) = (src / "plait" / "__pycache__").glob("number.*.pyc")
    before = compiled.stat().st_mtime_ns
    os.utime(module)
    assert run(src, SAY) == "1"
    assert compiled.stat().st_mtime_ns == before


def test_a_copied_tree_takes_what_was_compiled_and_names_its_own_files(src: Path) -> None:
    (src / "plait" / "number.py").write_text("def f(g=lambda: 1 / 0):\n    return g()\n")
    run(src, "import plait.number")
    copy = src.parent / "other" / "src"
    shutil.copytree(src, copy)
    (compiled,) = (copy / "plait" / "__pycache__").glob("number.*.pyc")
    before = compiled.read_bytes()
    program = (
        "import plait.number, traceback\n"
        "try: plait.number.f()\n"
        "except ZeroDivisionError as error:\n"
        "    print(*(frame.filename for frame in traceback.extract_tb(error.__traceback__)[1:]))"
    )
    assert run(copy, program) == " ".join([str(copy / "plait" / "number.py")] * 2)
    assert compiled.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, "half"])
def test_damaged_compiled_code_is_made_anew(src: Path, damage: bytes | str) -> None:
    (src / "plait" / "number.py").write_text("N = 1\n")
    run(src, SAY)
    (compiled,) = (src / "plait" / "__pycache__").glob("number.*.pyc")
    content = compiled.read_bytes()
    compiled.write_bytes(content[: len(content) // 2] if isinstance(damage, str) else damage)
    assert run(src, SAY) == "1"


def test_the_sources_are_those_that_were_loaded_not_those_on_disk(src: Path) -> None:
    module = src / "plait" / "number.py"
    module.write_text("N = 1\n")
    program = (
        "import plait.number; from pathlib import Path; from plait import loaded\n"
        "Path(plait.number.__file__).write_text('N = 22')\n"
        "print(loaded.sources['plait.number'], *(bool(loaded.sources[name]) for name in"
        " ('plait', 'plait.loaded')))"
    )
    assert run(src, program) == r"b'N = 1\n' True True"


def test_the_module_that_a_process_is_started_with_is_known_too(src: Path) -> None:
    (src / "plait" / "number.py").write_text(
        "from plait import loaded\nprint(len(loaded.sources['plait.number']) > 0)\n"
    )
    assert run(src, "", "-m", "plait.number") == "True"


def test_where_python_had_loaded_another_source_nothing_is_claimed(src: Path) -> None:
    """`plait.loaded` itself is loaded by Python, which may take stale compiled code."""
    module = src / "plait" / "loaded.py"
    run(src, "import plait")
    times = (module.stat().st_atime_ns, module.stat().st_mtime_ns)
    text = module.read_text()
    edited = text.replace("0b11\n", "0b10\n", 1)
    assert len(edited) == len(text)
    assert edited != text
    module.write_text(edited)
    os.utime(module, ns=times)
    assert run(src, "from plait import loaded; print(loaded.sources['plait.loaded'])") == "b''"


def test_a_provider_decides_what_is_loaded(src: Path) -> None:
    (src / "plait" / "number.py").write_text("N = 1\n")
    (src / "plait" / "other.py").write_text("N = 5\n")
    program = (
        "from plait import loaded\n"
        "loaded.provide(lambda name: b'N = 9' if name == 'plait.number' else None)\n"
        "import plait.number, plait.other; print(plait.number.N, plait.other.N)"
    )
    assert run(src, program) == "9 5"
