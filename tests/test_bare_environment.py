"""A plain installation, without any extra, is enough for tables."""

import json

import pytest

from bare import make_bare
from checkouts import Checkout, copy_project
from plait.config.extras import LEAVES

pytestmark = pytest.mark.slow

TABLES = ("linear_regression", "least_squares", "breast_cancer")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A tiny project whose commands run in an environment without extras."""
    folder = tmp_path_factory.mktemp("bare")
    root = copy_project(folder / "project").root
    checkout = Checkout(root, make_bare(folder / "environment", root))
    checkout.make_tiny()
    drawn = {"evaluation": {"plots": {"draw": True}}}
    checkout.list_experiments(
        {**{name: drawn for name in TABLES}, "review_sentiment": {"finetuning": "lora"}}
    )
    return checkout


def test_no_extra_is_there(bare: Checkout) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    imports = ("transformers", "peft", "tokenizers", "datasets", "optuna", "submitit", "ray")
    assert bare.run("python", "-c", code, *imports, "tensorboard", "pytest").stdout == "[]\n"
    code = "import plait; print(plait.__file__)"
    assert bare.run("python", "-c", code).stdout == f"{bare.root}/src/plait/__init__.py\n"


def test_options_say_which_extras_are_missing(bare: Checkout) -> None:
    said = bare.run("plait", "options").stdout
    for extra in LEAVES:
        assert f"[needs the extra {extra}, which is not installed]" in said, extra
    encoder = bare.run("plait", "options", "model").stdout
    assert encoder.count("needs the extra") == 5


def test_tables_are_trained_evaluated_and_recorded_and_a_text_names_its_extra(
    bare: Checkout,
) -> None:
    told = bare.run("dvc", "repro", "--keep-going", check=False)
    assert told.returncode
    assert (
        "plait: review_sentiment: needs peft, tokenizers, transformers, which the extra text"
        " brings; `pip install --constraint requirements.lock --editable '.[text]'`"
    ) in told.stderr
    for name in TABLES:
        measured = (bare.root / "results" / name / "metrics.json").read_text()
        assert json.loads(measured)
        recorded = bare.root / "mlruns" / "recorded" / f"{name}.json"
        assert json.loads(recorded.read_text())
        assert (bare.root / "mlruns" / "reports" / f"{name}.html").is_file()
    assert not (bare.root / "results" / "review_sentiment").exists()
