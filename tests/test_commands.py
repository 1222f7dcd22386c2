"""What the verbs and the stages say when they are typed by hand."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from checkouts import Checkout, copy_project
from plait.cli import main
from plait.config.compose import Project
from plait.pipeline.stages import STAGES
from plait.workspace import Workspace

LINEAR = "linear_regression"
SOLVED = "least_squares"


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


Plait = Callable[..., Said]


@pytest.fixture
def plait(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plait:
    """Runs a verb in a folder."""

    def run(folder: Path, *arguments: str) -> Said:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["plait", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Two experiments as they are after `dvc repro`, as far as `plait why` can see."""
    checkout = copy_project(tmp_path_factory.mktemp("commands") / "project")
    checkout.list_experiments({LINEAR: {"optimizer": {"lr": 0.02}}, SOLVED: {}})
    entries, workspace = {}, Workspace.at(checkout.root)
    for name, resolved in Project(checkout.root).compose_all().items():
        for stage in STAGES:
            read = {key: resolved[key] for key in STAGES[stage].keys}
            entries[f"{stage}@{name}"] = {"params": {f"resolved/{name}.yaml": read}}
            left = [*workspace.outputs(name).left_by(stage).values()]
            for path in left if stage != "record" else [workspace.recorded(name)]:
                path.mkdir(parents=True)
    lock = yaml.safe_dump({"schema": "2.0", "stages": entries})
    (checkout.root / "dvc.lock").write_text(lock, encoding="utf-8")
    checkout.commit()
    return checkout


@pytest.fixture
def edited(project: Checkout) -> Checkout:
    """The same, put back before a test."""
    project.run("git", "checkout", "--quiet", ".")
    return project


def test_why_says_that_nothing_has_changed(edited: Checkout, plait: Plait) -> None:
    said = plait(edited.root, "why", LINEAR)
    assert said.status == 0
    assert said.out.splitlines() == [f"{stage:<9} up to date" for stage in STAGES]


def test_why_names_the_stage_and_the_reason(edited: Checkout, plait: Plait) -> None:
    edited.edit("params.yaml", "lr: 0.02", "lr: 0.05")
    edited.append("src/plait/evaluation/intervals.py", "REMARK = 1\n")
    said = plait(edited.root, "why", LINEAR).out.splitlines()
    generate, pretrain, train, calibrate, evaluate, record = said
    assert generate == "generate  up to date"
    assert pretrain == "pretrain  up to date"
    assert train == "train     runs: optimizer.lr 0.02 -> 0.05"
    assert calibrate == "calibrate runs if train gives something new"
    assert evaluate == "evaluate  runs: its code changed (src/plait/evaluation/intervals.py)"
    assert record == (
        "record    runs: the code of evaluate changed (src/plait/evaluation/intervals.py);"
        " the identity changed; label lr=0.02 -> lr=0.05"
    )
    other = plait(edited.root, "why", SOLVED).out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in other] == [
        "up to date",
        "up to date",
        "up to date",
        "up to date",
        "runs: its code changed (src/plait/evaluation/intervals.py)",
        "runs: the code of evaluate changed (src/plait/evaluation/intervals.py)",
    ]


def test_why_knows_what_has_never_run_or_is_missing(edited: Checkout, plait: Plait) -> None:
    unlisted = plait(edited.root, "why", "wine").out.strip()
    assert unlisted == "wine is not listed in params.yaml, so `dvc repro` does not run it"
    curves = edited.root / "results" / LINEAR / "curves.csv"
    curves.rmdir()
    lines = plait(edited.root, "why", LINEAR).out.splitlines()
    curves.mkdir()
    assert lines[2] == f"train     runs: results/{LINEAR}/curves.csv is missing"


def test_explain_names_the_file_that_set_a_value(edited: Checkout, plait: Plait) -> None:
    assert plait(edited.root, "explain", LINEAR, "optimizer.lr").out.splitlines() == [
        "optimizer.lr = 0.02",
        "  set by params.yaml: 0.02",
        "  replaced conf/optimizer/sgd.yaml: 0.01",
    ]
    section = plait(edited.root, "explain", LINEAR, "optimizer").out
    assert "optimizer = sgd\n  set by conf/config.yaml: sgd" in section
    assert "optimizer.momentum = 0.0\n  set by conf/optimizer/sgd.yaml: 0.0" in section


def test_explain_knows_the_nearest_key(edited: Checkout, plait: Plait) -> None:
    said = plait(edited.root, "explain", LINEAR, "optimizer.lrr")
    assert said.status == 2
    assert said.err == (
        f"plait: {LINEAR}: no such key: optimizer.lrr; did you mean optimizer.lr?\n"
    )


def test_options_list_choices_with_units_ranges_and_defaults(
    edited: Checkout, plait: Plait
) -> None:
    groups = plait(edited.root, "options").out
    for group in ("data", "model", "objective", "optimizer", "schedule", "tracking"):
        (line,) = [line for line in groups.splitlines() if line.startswith(f"  {group} ")]
        for path in (edited.root / "conf" / group).glob("*.yaml"):
            assert path.stem in line
    assert "encoder [needs the extra text], extra_trees" in groups
    assert "catboost [needs the extra boosting], decision_tree" in groups
    assert "tabm [needs the extra tabm], tfidf" in groups
    assert "linear_probe, lora, prefix, prompt [needs the extra text]" in groups
    assert "hydra/launcher basic*, joblib, slurm [needs the extra slurm], ray" in groups
    assert "hydra/sweeper  basic*, optuna [needs the extra optuna]" in groups
    hub = plait(edited.root, "options", "data").out
    assert hub.count("[needs the extra hub]") == 1
    optimizers = plait(edited.root, "options", "optimizer").out
    assert "optimizer: sgd (default)   Stochastic gradient descent." in optimizers
    (momentum,) = [line for line in optimizers.splitlines() if line.startswith("  momentum")]
    for words in ("0.0", "[0, 1)", "share of the last update that is kept in the next"):
        assert words in momentum
    trainer = plait(edited.root, "options", "trainer").out
    assert "checkpoint_minutes" in trainer


def test_an_unknown_group_or_experiment_is_answered_with_the_list(
    edited: Checkout, plait: Plait
) -> None:
    for arguments in (("options", "optimiser"), ("why", "linear"), ("explain", "linear", "seed")):
        said = plait(edited.root, *arguments)
        assert said.status == 2
        assert said.out == ""
        assert "There are: " in said.err
        assert len(said.err.splitlines()) <= 2


def test_an_unknown_verb_takes_two_lines(edited: Checkout, plait: Plait) -> None:
    for arguments in (["repro"], []):
        said = plait(edited.root, *arguments)
        assert said.status == 2
        usage, error = said.err.splitlines()
        assert usage == "usage: plait [-h] VERB ..."
        assert "VERB" in error


def test_outside_of_a_project_a_line_says_so(tmp_path: Path, plait: Plait) -> None:
    for verb in (["compose"], ["options"], ["why", LINEAR], ["verify"], ["ui"]):
        said = plait(tmp_path, *verb)
        assert said.status == 1
        assert said.err == (
            f"plait: {tmp_path} is not in a plait project: no dvc.yaml and conf/ here or above\n"
        )


def test_inside_any_folder_of_a_project_verbs_work(edited: Checkout, plait: Plait) -> None:
    inside = plait(edited.root / "src" / "plait", "explain", LINEAR, "seed")
    assert inside.out.startswith("seed = 0\n")


def test_a_traceback_is_shown_on_request_only(project: Checkout, tmp_path: Path) -> None:
    outside = Checkout(tmp_path)
    code = "from plait.cli import main; main()"
    for value, shown in (("", False), ("1", True)):
        env = {"PYTHONPATH": str(project.root / "src"), "PLAIT_DEBUG": value}
        said = outside.run(sys.executable, "-c", code, "options", check=False, env=env)
        assert said.returncode == 1
        assert ("Traceback" in said.stderr) == shown
        assert "is not in a plait project" in said.stderr


def test_verify_ends_with_1_if_one_of_the_listed_experiments_does_not_hold(
    checkout: Checkout, plait: Plait
) -> None:
    def write(name: str, metrics: dict[str, float]) -> None:
        values = {key.removeprefix("test/"): {"value": value} for key, value in metrics.items()}
        for path, content in {
            "metrics.json": metrics,
            "model/model.json": {"choice": "linear"},
            "evaluation/evaluation.json": {"rows": 9, "metrics": values, "per_class": None},
        }.items():
            file = checkout.root / "results" / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content), encoding="utf-8")

    checkout.list_experiments({LINEAR: {}, "wine": {}})
    write(LINEAR, {"test/mse": 2.0})
    checkout.commit()
    write("wine", {"test/accuracy": 1.0})
    assert plait(checkout.root, "verify").status == 0
    write(LINEAR, {"test/mse": 2.1})
    said = plait(checkout.root, "verify")
    assert said.status == 1
    first, second, last = said.out.splitlines()
    assert first.split(maxsplit=1) == [
        LINEAR,
        "1 of 1 metrics differ too much: test/mse by 1.0e-01, where rounding may do 2.1e-03",
    ]
    assert second.split(maxsplit=1) == ["wine", "new: the commit has no metrics to compare with"]
    assert last.startswith(f"not the commit's numbers: {LINEAR}.")


def stage(checkout: Checkout, name: str, *arguments: str) -> Said:
    env = {"PYTHONPATH": os.fspath(checkout.root / "src")}
    command = (sys.executable, "-m", f"plait.pipeline.{name}", *arguments)
    result = checkout.run(*command, check=False, env=env)
    return Said(result.returncode, result.stdout, result.stderr)


def test_a_stage_without_its_inputs_says_which_and_writes_nothing(checkout: Checkout) -> None:
    missing = f"resolved/{LINEAR}.yaml"
    resolved = checkout.root / missing
    data = checkout.root / "data" / "generated" / LINEAR
    said = stage(checkout, "train", LINEAR)
    assert said == Said(
        1,
        "",
        f"plait: {LINEAR}.yaml: no such resolved experiment; list '{LINEAR}' in params.yaml and"
        " run `plait compose`\n",
    )
    text = Project(checkout.root).compose(LINEAR).text()
    resolved.parent.mkdir()
    resolved.write_text(text, encoding="utf-8")
    said = stage(checkout, "record", LINEAR)
    assert said == Said(
        1,
        "",
        f"plait: {LINEAR}: data/generated/{LINEAR}/dataset.json is missing, which stage generate"
        f" leaves; run `dvc repro record@{LINEAR}`\n",
    )
    data.mkdir(parents=True)
    (data / "dataset.json").write_text("{}", encoding="utf-8")
    said = stage(checkout, "evaluate", LINEAR)
    missing = f"results/{LINEAR}/pretrained/pretrained.json"
    assert f"{missing} is missing, which stage pretrain leaves" in said.err
    # As a merge may leave it.
    resolved.write_text(f"<<<<<<< HEAD\n{text}", encoding="utf-8")
    said = stage(checkout, "generate", LINEAR)
    assert said == Said(
        1, "", f"plait: {LINEAR}.yaml: not what `plait compose` wrote; run it again\n"
    )
    assert not checkout.has_runs()
    assert not (checkout.root / "results").exists()


def test_a_stage_wants_one_name(checkout: Checkout) -> None:
    for arguments in ([], [LINEAR, SOLVED]):
        said = stage(checkout, "generate", *arguments)
        assert said == Said(2, "", "plait: usage: python -m plait.pipeline.generate NAME\n")


@pytest.mark.slow
def test_training_without_a_training_part_is_refused(checkout: Checkout) -> None:
    resolved = checkout.root / "resolved" / f"{LINEAR}.yaml"
    resolved.parent.mkdir()
    resolved.write_text(Project(checkout.root).compose(LINEAR).text(), encoding="utf-8")
    for earlier in ("generate", "pretrain"):
        assert stage(checkout, earlier, LINEAR).status == 0
    data = checkout.root / "data" / "generated" / LINEAR
    (data / "train.parquet").unlink()
    said = stage(checkout, "train", LINEAR)
    assert said.status == 1
    assert said.err == (
        f"plait: {LINEAR}: data/generated/{LINEAR}: not what stage generate leaves for this"
        " configuration;\n  nothing is recorded of stage train: run `dvc repro` again\n"
    )
    assert not checkout.has_runs()


@pytest.mark.slow
def test_a_stage_refuses_versions_that_are_not_the_locks(edited: Checkout) -> None:
    edited.plait("compose")
    path = edited.root / "resolved" / f"{LINEAR}.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("pandas: 3", "pandas: 2"), encoding="utf-8")
    result = edited.run(
        *(sys.executable, "-m", "plait.pipeline.generate", LINEAR),
        check=False,
        env={"PYTHONPATH": str(edited.root / "src")},
    )
    assert result.returncode == 1
    assert "is installed, but requirements.lock says 2" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_command_runs_the_code_of_the_tree_that_one_stands_in(edited: Checkout) -> None:
    edited.edit("src/plait/config/options.py", "Groups, one choice each", "Groups of this tree")
    code = "from plait.cli import console; console()"
    command = (sys.executable, "-c", code, "options")
    assert "Groups of this tree" in edited.run(*command).stdout
    outside = edited.run(sys.executable, "-c", f"import os; os.chdir('/'); {code}", check=False)
    assert "usage: plait" in outside.stderr


def test_the_next_command_records_what_a_killed_training_left(
    edited: Checkout, plait: Plait, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered: list[Path] = []
    monkeypatch.setattr(
        "plait.tracking.live.delivery.deliver_journals",
        lambda workspace: delivered.append(workspace.root),
    )
    plait(edited.root, "options")
    assert delivered == []
    edited.append(".plait/journal/abc.jsonl", "{}\n")
    plait(edited.root, "options")
    (edited.root / ".plait" / "journal" / "abc.jsonl").unlink()
    assert delivered == [edited.root]
