"""A recorded configuration as an experiment file."""

import copy
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.runs.promote.deviations import describe, name_for, rewrite, what_changed

CASES = {
    "the file's own values": ("wine", []),
    "a value that params.yaml set": ("linear_regression", []),
    "values": ("linear_regression", ["optimizer.lr=0.3", "seed=3", "batch_size=8"]),
    "small and large values": ("linear_regression", ["optimizer.lr=1e-7", "seed=123456789"]),
    "null": ("linear_regression", ["trainer.max_epochs=null", "trainer.max_steps=5"]),
    "a choice": ("linear_regression", ["model=mlp"]),
    "a choice and its values": ("market", ["model=gradient_boosting", "model.max_iter=7"]),
    "no gradients any more": ("market", ["model=decision_tree", "model.max_depth=3"]),
    "gradients after all": ("least_squares", ["model=mlp", "model.hidden_sizes=[8,8]"]),
    "an objective by another task": ("market", ["data.target=direction", "seed=1"]),
    "an objective of its own": ("market", ["objective=huber", "objective.delta=0.5"]),
    "no callback": ("market", ["callbacks=[]"]),
    "a callback's value": ("market", ["callbacks.early_stopping.patience=9"]),
    "a debug preset": ("market", ["debug=fast"]),
    "where it ran": ("market", ["trainer.devices=2", "tracking=tensorboard"]),
    "how it was measured": ("market", ["evaluation.metrics=[mae,mse]", "evaluation.plots.dpi=50"]),
    "a file of the user's": ("linear_regression", ["data=table", "data.target=y", "seed=1"]),
    "columns with dots": ("diabetes", []),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout with values in params.yaml and a table of the user's."""
    checkout = copy_project(tmp_path_factory.mktemp("deviations") / "project")
    table = {"choice": "table", "target": "y", "types": {"a.b": "category"}}
    checkout.list_experiments(
        {"linear_regression": {"optimizer": {"lr": 0.02}}, "diabetes": {"data": table}}
    )
    checkout.append("data/raw/table.csv", "a.b,c,y\n1,2,3\n4,5,6\n")
    return Project(checkout.root)


def recorded(project: Project, case: str) -> Resolved:
    name, overrides = CASES[case]
    return project.compose(name, overrides)


@pytest.mark.parametrize("case", CASES)
def test_the_file_composes_to_the_very_training(project: Project, case: str) -> None:
    then = recorded(project, case)
    text = rewrite(project, then).deviations.text(describe(then))
    path = project.conf / "experiment" / "promoted.yaml"
    path.write_text(text, encoding="utf-8")
    now = project.compose("promoted")
    path.unlink()
    assert now.identity == then.identity
    values = {**now.values, "name": then.name, "label": then.label}
    assert {**values, "description": then.description} == then.values
    assert 10 < len(now.description) < 100
    assert len(text.splitlines()) <= 20


def test_only_what_differs_is_written(project: Project) -> None:
    then = recorded(project, "a value that params.yaml set")
    assert rewrite(project, then).deviations.text(describe(then)) == (
        "# @package _global_\n"
        "description: linear_regression with lr=0.02\n"
        "defaults:\n"
        "  - linear_regression\n"
        "\n"
        "optimizer: {lr: 0.02}\n"
    )
    then = recorded(project, "a choice and its values")
    assert rewrite(project, then).deviations.text("Boosted trees").splitlines()[2:] == [
        "defaults:",
        "  - market",
        "  - override /model: gradient_boosting",
        "",
        "model: {max_iter: 7}",
    ]
    assert not rewrite(project, recorded(project, "the file's own values")).deviations


def test_the_project_is_left_as_it_is(project: Project) -> None:
    def files() -> dict[Path, bytes]:
        below = [*project.conf.rglob("*"), project.root / "params.yaml"]
        return {path: path.read_bytes() for path in below if path.is_file()}

    before = files()
    rewrite(project, recorded(project, "values"))
    assert files() == before


def test_a_name_is_made_of_what_deviates(project: Project) -> None:
    assert name_for(recorded(project, "values")) == ("linear_regression_lr_0_3_seed_3_batch_size_8")
    assert name_for(recorded(project, "gradients after all")) == (
        "least_squares_model_mlp_hidden_sizes_8_8"
    )
    assert name_for(recorded(project, "the file's own values")) == "wine"
    many = Resolved({**recorded(project, "values").values, "label": "a=1 " * 30})
    assert len(name_for(many)) <= 60
    assert len(describe(many)) < 100


def test_what_today_cannot_express_is_named(project: Project) -> None:
    values = copy.deepcopy(recorded(project, "values").values)
    values["optimizer"]["warp"] = 9
    with pytest.raises(UserError, match=r"optimizer\.warp: unknown key") as refusal:
        rewrite(project, Resolved(values))
    assert refusal.value.status == 1
    assert "draft" not in str(refusal.value)
    del values["optimizer"]["warp"], values["optimizer"]["momentum"]
    with pytest.raises(UserError, match=r"optimizer\.momentum was missing, and would be 0\.0 now"):
        rewrite(project, Resolved(values))
    values = {**recorded(project, "values").values, "name": "gone"}
    with pytest.raises(UserError, match=r"gone\.yaml is missing"):
        rewrite(project, Resolved(values))


def test_code_packages_and_files_that_changed_are_named(checkout: Checkout) -> None:
    checkout.append("data/raw/table.csv", "a,y\n1,3\n4,6\n")
    then = Project(checkout.root).compose("linear_regression", ["data=table", "data.target=y"])
    checkout.append("data/raw/table.csv", "7,8\n")
    checkout.append("src/plait/training/fit.py", "REMARK = 1\n")
    checkout.edit("requirements.lock", "numpy==2", "numpy==3")
    now = rewrite(Project(checkout.root), then).resolved
    assert now.identity != then.identity
    code, package, file = what_changed(then, now)
    assert code == "the code of train"
    assert package.startswith("numpy 2.")
    assert " -> 3." in package
    assert file == "data/raw/table.csv"
    assert what_changed(then, then) == []
