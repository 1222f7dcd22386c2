"""docs/first_hour.md, as a newcomer would type it."""

import re
import shlex
import shutil
from importlib.resources import as_file, files

import pytest

from checkouts import ROOT, Checkout

PAGE = (ROOT / "docs" / "first_hour.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_every_command_says_and_writes_what_the_page_shows(checkout: Checkout) -> None:
    checkout.make_tiny()
    checkout.list_experiments({"least_squares": {}})
    (look,), (written,), (example,) = blocks("text"), blocks("yaml"), blocks("python")
    said = {}
    for command in "".join(blocks("sh")).splitlines():
        if command.startswith("cp "):
            # The environment of this test lies elsewhere.
            with as_file(files("bokeh_sampledata") / "_data" / "titanic_all.csv") as source:
                shutil.copy(source, checkout.root / "data/raw/titanic.csv")
            continue
        said[command.split()[1]] = checkout.run(*shlex.split(command)).stdout
    assert said["inspect"] == look
    experiment = (checkout.root / "conf/experiment/titanic.yaml").read_text(encoding="utf-8")
    assert written in experiment
    report = (checkout.root / "mlruns/reports/titanic.html").read_text(encoding="utf-8")
    assert "Unseen in test" in report
    assert "3 new" in said["run"] or "2 new, 1 reused" in said["run"]
    answer = checkout.run("python", "-c", example, env={"PYTHONPATH": "src"}).stdout
    rows = re.findall(r"\d\.\d+", answer)
    assert len(rows) >= 2


def test_every_setting_that_is_named_is_there() -> None:
    from plait.config.levels import read_yaml

    preprocessing = read_yaml(ROOT / "conf/config.yaml")["preprocessing"]
    assert isinstance(preprocessing, dict)
    named = set(re.findall(r"`preprocessing\.(\w+)`", PAGE))
    assert named
    assert named <= preprocessing.keys()
    words = read_yaml(ROOT / "conf/data/table.yaml")["format"]
    assert isinstance(words, dict)
    listed = words["na_values"]
    assert isinstance(listed, list)
    assert all(f"`{word}`" in PAGE for word in listed if word)
