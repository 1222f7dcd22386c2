"""Every command and every file of the README, as a newcomer would type them."""

import re
import shlex
import subprocess
import sys
import time
import urllib.request

import pytest

from checkouts import ROOT, Checkout
from shipped import SHIPPED

BY_CI_ITSELF = {
    "make repro": "tests/test_setup.py runs it in a fresh clone",
    "make test": "this is what runs this test",
}


def blocks(language: str, section: str = "") -> list[str]:
    """The README's blocks of code in a language, without indentation.

    :param section: of the two parts, the one that begins with this heading; empty: all.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start, sweeps, rest = text.partition("## Sweeps")
    text = {"": text, "## Start": start, "## Sweeps": sweeps + rest}[section]
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"(?m)^{indent}", "", block) for indent, block in found]


def commands(section: str = "") -> list[str]:
    lines = [
        line.partition("#")[0].strip()
        for block in blocks("sh", section)
        for line in block.splitlines()
    ]
    return [line for line in lines if line]


def test_the_readme_names_commands_that_make_knows() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in commands():
        if command.startswith("make "):
            assert command in BY_CI_ITSELF
            assert f"\n{command.removeprefix('make ')}:" in makefile


def test_every_folder_of_the_layout_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    layout = text.partition("## Layout")[2].partition("\n## ")[0]
    made_by_running = {"mlruns/", "outputs/", "resolved/", "results/"}
    cells = re.findall(r"^\| (`[^|]+) \|", layout, flags=re.MULTILINE)
    paths = [path for cell in cells for path in re.findall("`([^`]+)`", cell)]
    rooms = {path.parent.name for path in ROOT.glob("src/plait/*/__init__.py")}
    assert {f"src/plait/{room}/" for room in rooms} <= set(paths)
    for path in paths:
        assert path in made_by_running or (ROOT / path).exists(), path


def test_every_shipped_experiment_is_named() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in SHIPPED:
        assert (ROOT / "conf" / "experiment" / f"{name}.yaml").exists()
        assert f"`{name}`" in text


def test_links_and_pictures_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(targets) >= 4
    for target in targets:
        assert (ROOT / target).exists(), target


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def open_the_ui(checkout: Checkout) -> None:
    """``plait ui``, on a port of its own."""
    code = "from plait.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "ui", "--port", "5067"],
        cwd=checkout.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not answers(5067):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.5)
    finally:
        process.terminate()
        process.wait()


def sales(rows: int = 300) -> str:
    lines = ["week,region,price,units"]
    for row in range(rows):
        region = ("north", "south", "west")[row % 3]
        price = 5 + (row * 7 % 11) / 4
        units = 100 - 6 * price + 10 * (row % 3) + (row * 13 % 7)
        lines.append(f"2024-{1 + row // 28:02d}-{1 + row % 28:02d},{region},{price},{units:.1f}")
    return "\n".join(lines) + "\n"


def run_commands(checkout: Checkout, section: str) -> list[str]:
    """Type what a part of the README shows.

    :returns: the commands.
    """
    ran: list[str] = []
    for command in commands(section):
        if command in BY_CI_ITSELF:
            continue
        if command == "plait ui":
            open_the_ui(checkout)
            continue
        if command.startswith("dvc exp run") and not ran[-1].startswith("dvc exp"):
            checkout.commit()
        result = checkout.run(*shlex.split(command))
        ran.append(command)
        if command.startswith("plait new sales"):
            (shown,) = [block for block in blocks("yaml") if "path: data/raw/sales.csv" in block]
            written = checkout.root / "conf/experiment/sales.yaml"
            assert written.read_text(encoding="utf-8").startswith(shown)
        if command == "plait explain market optimizer.lr":
            assert "set by conf/optimizer/adamw.yaml" in result.stdout
    return ran


@pytest.mark.slow
def test_every_command_up_to_sweeps_runs(checkout: Checkout) -> None:
    (listed,) = [block for block in blocks("yaml") if block.startswith("experiments:")]
    checkout.make_tiny()
    (checkout.root / "params.yaml").write_text(listed, encoding="utf-8")
    assert "dvc repro" in run_commands(checkout, "## Start")
    (example,) = blocks("python")
    checkout.run(
        sys.executable, "-W", "error::UserWarning:plait", "-c", example, env={"PYTHONPATH": "src"}
    )


@pytest.mark.slow
def test_every_command_from_sweeps_on_runs(checkout: Checkout) -> None:
    checkout.make_tiny()
    checkout.list_experiments({"least_squares": {}})
    checkout.append("sales.csv", sales())
    checkout.commit()
    assert "dvc repro" in run_commands(checkout, "## Sweeps")
    assert (checkout.root / "mlruns" / "reports" / "sales.html").is_file()


def test_no_command_is_left_out() -> None:
    assert commands() == [*commands("## Start"), *commands("## Sweeps")]


@pytest.mark.slow
def test_the_error_shown_is_the_one_given(checkout: Checkout) -> None:
    (shown,) = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("plait: ")
    ]
    checkout.list_experiments({"market": {"optimizer": {"lrr": 0.1}}})
    result = checkout.plait("compose", check=False)
    assert result.returncode == 2
    assert result.stderr.strip() == shown


@pytest.mark.slow
def test_the_notebook_runs(checkout: Checkout) -> None:
    import nbformat

    checkout.list_experiments(
        {"market": {"trainer": {"max_epochs": 2}, "evaluation": {"resamples": 20}}}
    )
    checkout.run("dvc", "repro")
    code = (
        "import nbclient, nbformat\n"
        "notebook = nbformat.read('notebooks/explore_a_run.ipynb', 4)\n"
        "resources = {'metadata': {'path': 'notebooks'}}\n"
        "nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()\n"
        "nbformat.write(notebook, 'executed.ipynb')\n"
    )
    checkout.run(sys.executable, "-c", code, env={"PYTHONPATH": str(checkout.root / "src")})
    executed = nbformat.read(checkout.root / "executed.ipynb", 4)
    outputs = [cell.outputs for cell in executed.cells if cell.cell_type == "code"]
    assert all(outputs)
    assert "prediction" in str(outputs[-1])
