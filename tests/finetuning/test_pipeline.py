"""A text experiment through all stages, as DVC runs them, and what is recorded of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import escape

from checkouts import ROOT, WITHOUT_PICKLE, WITHOUT_PLAIT, Checkout, copy_project
from finetuning.tiny import EXPERIMENT, sentences, write_model
from plait.config.registry import choices
from plait.evaluation.notation import readable, readable_size

pytestmark = pytest.mark.slow

LOADED = """
import json, sys
import pandas as pd
import plait

run = plait.load("tiny")
texts = pd.read_parquet("data/generated/tiny/test.parquet")
predictions = run.predictions
model = run.model
given = model.predict(texts[["text"]])
assert given["prediction"].tolist() == predictions["prediction"].tolist()
for label in ("loss", "profit", "trade"):
    difference = (given[f"probability_{label}"] - predictions[f"probability_{label}"]).abs().max()
    assert difference < 1e-6, difference
print(json.dumps({key: value for key, value in run.metrics.items() if key.startswith("model/")}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = copy_project(tmp_path_factory.mktemp("built") / "project")
    digest = write_model(checkout.root / "data/raw/tiny")
    sentences(120).to_csv(checkout.root / "data/raw/sentences.csv", index=False)
    checkout.append("conf/experiment/tiny.yaml", EXPERIMENT.replace("DIGEST", digest))
    # Not in git, as a real model would be.
    checkout.append("data/raw/.gitignore", "tiny/\n")
    tiny = {
        "finetuning": "lora",
        "trainer": {"max_epochs": 3},
        "model": {"max_length": 12},
        # What holds of two members holds of one.
        "ensemble": 2,
    }
    checkout.list_experiments({"tiny": tiny})
    checkout.run("dvc", "repro")
    checkout.commit()
    return checkout


def test_the_report_says_what_a_manager_asks(built: Checkout) -> None:
    evaluation = json.loads((built.root / "results/tiny/evaluation/evaluation.json").read_text())
    assert evaluation["primary"] == "f1_macro"
    assert [entry["naive"] for entry in evaluation["baselines"].values()] == [True, False]
    sizes = evaluation["sizes"]
    assert 0 < sizes["trained_parameters"] < sizes["parameters"]
    assert 0 < sizes["truncated"]["test"] < 1
    saved = built.root / "results/tiny/model"
    assert sizes["saved_bytes"] == sum(
        path.stat().st_size for path in saved.rglob("*.*") if path.is_file()
    )
    assert len(evaluation["members"]) == 2
    page = (built.root / "mlruns/reports/tiny.html").read_text()
    for words in ("TF-IDF and logistic regression", "Parameters trained", "longer ones are cut"):
        assert words in page
    for words in ("The ensemble and its members", "Member 2"):
        assert words in page
    for section in ("metrics", "classes", "confusion"):
        assert f'id="{section}"' in page
    assert evaluation["errors"]
    assert "The surest errors" in page
    for error in evaluation["errors"]:
        assert str(escape(error["text"])) in page


def test_the_logged_model_is_whole_and_takes_the_texts(built: Checkout) -> None:
    shutil.move(built.root / "data/raw/tiny", built.root / "away")
    try:
        done = built.run("python", "-c", LOADED, env={"PYTHONPATH": "src"})
    finally:
        shutil.move(built.root / "away", built.root / "data/raw/tiny")
    recorded = json.loads(done.stdout.splitlines()[-1])
    assert set(recorded) == {
        *("model/trained_parameters", "model/parameters", "model/saved_bytes"),
        *("model/truncated_train", "model/truncated_test"),
    }


ELSEWHERE = """
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
texts = pd.read_parquet(sys.argv[2])[["text"]]
print(model.predict(texts).to_json(orient="records"))
"""


def test_it_is_read_where_plait_is_not_installed_and_nothing_is_unpickled(
    built: Checkout, tmp_path: Path
) -> None:
    (logged,) = (path.parent for path in (built.root / "mlruns/artifacts").rglob("MLmodel"))
    assert len(list(logged.rglob("*.safetensors"))) >= 2
    assert list(logged.rglob("tokenizer.json"))
    assert not [path for path in logged.rglob("*") if path.suffix in (".pkl", ".bin", ".pt")]
    shutil.copytree(logged, tmp_path / "model")
    shutil.copy(built.root / "data/generated/tiny/test.parquet", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PLAIT + ELSEWHERE, "model", "test.parquet"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        | WITHOUT_PICKLE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [row["prediction"] for row in json.loads(done.stdout.splitlines()[-1])]
    kept = pd.read_parquet(built.root / "results/tiny/evaluation/predictions.parquet")
    assert said == kept["prediction"].tolist()


def test_rebuilt_every_byte_is_the_same(built: Checkout, tmp_path: Path) -> None:
    before = built.run("git", "status", "--porcelain").stdout
    assert before == ""
    shutil.rmtree(built.root / "results/tiny")
    built.run("dvc", "repro", "--force", "train@tiny", "evaluate@tiny")
    assert built.run("git", "status", "--porcelain").stdout == ""


def test_a_recorded_run_is_rebuilt_identical(built: Checkout) -> None:
    done = built.plait("rebuild", "tiny")
    assert "identical" in done.stdout


@pytest.mark.parametrize(
    "methods",
    [
        ["linear_probe"],
        pytest.param(
            sorted(set(choices(ROOT / "conf", "finetuning")) - {"lora", "linear_probe"}),
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["one", "all"],
)
def test_so_are_the_trials_of_a_sweep_over_methods(built: Checkout, methods: list[str]) -> None:
    # Two trials at least make a sweep; the other method is recorded already.
    sweep = (
        *("experiment=tiny", f"finetuning={','.join(['lora', *methods])}"),
        "sweep.name=methods",
    )
    built.plait("run", "-m", *sweep)
    page = (built.root / "mlruns/reports/sweeps/methods.html").read_text()
    said = {
        json.loads(path.read_text())["finetuning"]["choice"]: path.parent
        for path in (built.root / "outputs/tiny").glob("*/model/model.json")
    }
    for method in methods:
        trial = f"max_length=12 finetuning={method} max_epochs=3 ensemble=2"
        done = built.plait("rebuild", trial)
        assert "identical" in done.stdout, method
        row = re.search(rf"<tr[^>]*>\s*<td>finetuning={method}</td>.*?</tr>", page, re.DOTALL)
        assert row is not None, method
        evaluation = json.loads((said[method].parent / "evaluation/evaluation.json").read_text())
        sizes = evaluation["sizes"]
        for cell in (
            readable(evaluation["metrics"]["f1_macro"]["value"]),
            readable(sizes["trained_parameters"]),
            readable_size(sizes["saved_bytes"]),
        ):
            assert cell in row[0], (method, cell)


def test_only_what_the_method_changes_is_run_again(built: Checkout) -> None:
    built.edit("params.yaml", "max_epochs: 3", "max_epochs: 4")
    dry = built.run("dvc", "repro", "--dry").stdout
    assert "generate@tiny" not in dry.replace("'generate@tiny' didn't change", "")
    built.edit("params.yaml", "max_epochs: 4", "max_epochs: 3")
