"""One configuration: precedence, choices, resolved files."""

import re
from pathlib import Path

import pytest
import yaml

from checkouts import ROOT, Checkout
from plait.artifacts import write_text
from plait.config.compose import Project, write_resolved
from plait.config.explain import explain
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError


def compose(checkout: Checkout, params: dict[str, object], *overrides: str) -> Resolved:
    """The experiment linear_regression with ``params`` in params.yaml."""
    checkout.list_experiments({"linear_regression": params})
    return Project(checkout.root).compose("linear_regression", list(overrides))


def test_precedence_is_defaults_experiment_params_command_line(checkout: Checkout) -> None:
    assert compose(checkout, {})["optimizer.lr"] == 0.01
    checkout.append("conf/experiment/linear_regression.yaml", "optimizer: {lr: 0.02}\n")
    assert compose(checkout, {})["optimizer.lr"] == 0.02
    assert compose(checkout, {"optimizer": {"lr": 0.03}})["optimizer.lr"] == 0.03
    assert (
        compose(checkout, {"optimizer": {"lr": 0.03}}, "optimizer.lr=0.04")["optimizer.lr"] == 0.04
    )


def test_a_string_chooses_a_mapping_sets_and_choice_does_both(checkout: Checkout) -> None:
    assert compose(checkout, {"model": "mlp"}).choice("model") == "mlp"
    assert compose(checkout, {"model": {"bias": False}})["model"] == {
        "choice": "linear",
        "bias": False,
    }
    both = compose(checkout, {"optimizer": {"choice": "adam", "lr": 0.1}})
    assert both.choice("optimizer") == "adam"
    assert both["optimizer.lr"] == 0.1


def test_a_replaced_choice_takes_its_values_along(checkout: Checkout) -> None:
    # market.yaml chooses mlp and sets its hidden sizes, which svm does not have.
    checkout.list_experiments({"market": {"model": "svm"}})
    assert "hidden_sizes" not in Project(checkout.root).compose("market")["model"]
    # The same between params.yaml and the command line.
    again = compose(checkout, {"model": {"choice": "mlp", "hidden_sizes": [8]}}, "model=linear")
    assert again["model"] == {"choice": "linear", "bias": True}
    kept = compose(checkout, {"model": {"choice": "mlp", "hidden_sizes": [8]}}, "model=mlp")
    assert kept["model.hidden_sizes"] == [8]


def test_callbacks_are_chosen_by_a_list(checkout: Checkout) -> None:
    resolved = compose(
        checkout,
        {
            "callbacks": {"choice": ["early_stopping"], "early_stopping": {"patience": 3}},
            "data": {"split": {"val": 0.2}},
        },
    )
    assert resolved["callbacks"] == {"early_stopping": {"patience": 3, "min_delta": 0.0}}
    checkout.list_experiments({"market": {"callbacks": []}})
    assert Project(checkout.root).compose("market")["callbacks"] == {}


def test_the_objective_follows_the_task_unless_chosen(checkout: Checkout) -> None:
    assert compose(checkout, {}).choice("objective") == "squared_error"
    assert Project(ROOT).compose("breast_cancer").choice("objective") == "cross_entropy"
    assert compose(checkout, {"objective": "huber"}).choice("objective") == "huber"


def test_what_a_model_does_not_use_is_cleared(checkout: Checkout) -> None:
    resolved = compose(checkout, {"model": "least_squares"})
    assert resolved["optimizer"] is None
    assert resolved["batch_size"] is None
    assert resolved["trainer.max_epochs"] is None
    assert "optimizer.lr" not in resolved.parameters()


@pytest.mark.parametrize(
    ("preset", "key", "value"),
    [
        ("fast", "trainer.max_steps", 2),
        ("overfit", "trainer.overfit_rows", 10),
        ("profile", "trainer.profile", True),
        ("nan", "trainer.detect_anomaly", True),
    ],
)
def test_debug_presets_act(checkout: Checkout, preset: str, key: str, value: object) -> None:
    assert compose(checkout, {"debug": preset})[key] == value
    assert compose(checkout, {}, f"debug={preset}")[key] == value


def test_auto_stays_auto() -> None:
    resolved = Project(ROOT).compose("linear_regression")
    assert resolved["trainer.devices"] == resolved["trainer.accelerator"] == "auto"


def test_resolved_files_are_stable_and_complete(checkout: Checkout) -> None:
    project = Project(checkout.root)
    first = {name: resolved.text() for name, resolved in project.compose_all().items()}
    again = {
        name: resolved.text() for name, resolved in Project(checkout.root).compose_all().items()
    }
    assert first == again
    write_resolved(checkout.root / "resolved", project.compose_all())
    for name, text in first.items():
        assert (checkout.root / "resolved" / f"{name}.yaml").read_text() == text
        assert Resolved.read(checkout.root / "resolved" / f"{name}.yaml").values == yaml.safe_load(
            text
        )
        assert len(text.splitlines()) < 140


def test_delisted_experiments_go_and_unchanged_files_are_not_touched(checkout: Checkout) -> None:
    folder = checkout.root / "resolved"
    checkout.list_experiments({"linear_regression": {}, "wine": {}})
    assert write_resolved(folder, Project(checkout.root).compose_all()) == [
        "new: linear_regression",
        "new: wine",
    ]
    written = (folder / "wine.yaml").stat().st_mtime_ns
    checkout.list_experiments({"wine": {}})
    assert write_resolved(folder, Project(checkout.root).compose_all()) == [
        "removed: linear_regression"
    ]
    assert (folder / "wine.yaml").stat().st_mtime_ns == written


def test_the_identity_leaves_out_what_no_number_depends_on(checkout: Checkout) -> None:
    identity = compose(checkout, {}).identity
    same: list[dict[str, object]] = [
        {"trainer": {"devices": 1}},
        {"trainer": {"num_workers": 2}},
        {"trainer": {"checkpoint_minutes": 1}},
        {"evaluation": {"resamples": 100}},
        {"tracking": "tensorboard"},
        {"description": "another line"},
    ]
    for params in same:
        assert compose(checkout, params).identity == identity, params
    other: list[dict[str, object]] = [
        {"optimizer": {"lr": 0.02}},
        {"seed": 1},
        {"data": {"seed": 1}},
        {"batch_size": 16},
        {"trainer": {"precision": "64-true"}},
        {"trainer": {"threads": 2}},
        {"preprocessing": {"feature_scaling": "standard"}},
        {"model": "mlp"},
    ]
    identities = {compose(checkout, params).identity for params in other}
    assert len(identities) == len(other)
    assert identity not in identities


def test_the_label_says_what_deviates(checkout: Checkout) -> None:
    resolved = compose(
        checkout, {"optimizer": {"lr": 0.1}, "model": "mlp", "seed": 3}, "batch_size=16"
    )
    assert resolved.label == "model=mlp lr=0.1 seed=3 batch_size=16"
    assert compose(checkout, {"data": {"seed": 2}, "seed": 1}).label == "data.seed=2 seed=1"
    assert compose(checkout, {"tracking": "tensorboard"}).label == ""


ERRORS: dict[str, tuple[dict[str, object], list[str]]] = {
    "unknown key": (
        {"optimizer": {"lrr": 0.1}},
        ["optimizer.lrr: unknown key; did you mean optimizer.lr?", "params.yaml"],
    ),
    "unknown section": (
        {"optimzer": {"lr": 0.1}},
        ["optimzer: unknown key; did you mean optimizer?"],
    ),
    "unknown nested key": (
        {"data": {"split": {"tst": 0.1}}},
        ["data.split.tst: unknown key; did you mean data.split.test?"],
    ),
    "unknown choice": (
        {"model": "mpl"},
        [
            "model: unknown choice 'mpl'; did you mean 'mlp'?",
            "catboost, decision_tree, encoder, extra_trees, gradient_boosting, knn",
        ],
    ),
    "wrong type": (
        {"batch_size": "many"},
        ["batch_size: is 'many' (text); must be a whole number"],
    ),
    "fraction for a whole number": (
        {"batch_size": 1.5},
        ["batch_size: is 1.5; must be a whole number"],
    ),
    "not a number": (
        {"optimizer": {"lr": float("nan")}},
        ["optimizer.lr: is nan; must be a finite number"],
    ),
    "out of range": (
        {"optimizer": {"momentum": 1.5}},
        ["optimizer.momentum: is 1.5; must be in [0, 1)"],
    ),
    "not among the allowed": (
        {"trainer": {"precision": "16-mixd"}},
        ["trainer.precision: is '16-mixd'", "did you mean '16-mixed'?"],
    ),
    "metric of another task": (
        {"evaluation": {"metrics": ["accuracy"]}},
        ["accuracy", "classification", "regression", "mse"],
    ),
    "objective of another task": (
        {"objective": "cross_entropy"},
        [
            "objective: 'cross_entropy' is for classification,",
            "but data: synthetic is a regression task",
        ],
    ),
    "validation is missing": (
        {"callbacks": ["early_stopping"]},
        ["callbacks.early_stopping", "data.split.val"],
    ),
    "micro-batches do not divide": (
        {"trainer": {"micro_batch_size": 5}},
        ["trainer.micro_batch_size: is 5; must divide batch_size, 32"],
    ),
    "no end": ({"trainer": {"max_epochs": None}}, ["max_epochs and max_steps are both null"]),
    "empty description": ({"description": ""}, ["description"]),
}


@pytest.mark.parametrize("case", ERRORS)
def test_every_wrong_value_is_said(checkout: Checkout, case: str) -> None:
    params, words = ERRORS[case]
    with pytest.raises(ConfigurationError) as error:
        compose(checkout, params)
    message = str(error.value)
    assert len(message.splitlines()) <= 4, message
    assert message.startswith("linear_regression: "), message
    for word in words:
        assert word in message, message


def test_a_model_for_another_task_is_refused(checkout: Checkout) -> None:
    checkout.list_experiments({"wine": {"model": "least_squares"}})
    with pytest.raises(
        ConfigurationError, match="'least_squares' is for regression, but data: builtin"
    ):
        Project(checkout.root).compose_all()


def test_many_faults_take_four_lines(checkout: Checkout) -> None:
    with pytest.raises(ConfigurationError) as error:
        compose(checkout, {f"wrong{number}": 1 for number in range(9)})
    assert len(str(error.value).splitlines()) == 4
    assert "and 6 more" in str(error.value)


def failing(checkout: Checkout) -> str:
    """Run `plait compose`, which must fail, and leave everything as it was."""
    before = {path: path.read_bytes() for path in (checkout.root / "resolved").glob("*")}
    result = checkout.plait("compose", check=False)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert 1 <= len(result.stderr.splitlines()) <= 4, result.stderr
    assert {path: path.read_bytes() for path in (checkout.root / "resolved").glob("*")} == before
    return result.stderr


@pytest.mark.slow
def test_a_failing_compose_says_why_and_leaves_everything_as_it_was(checkout: Checkout) -> None:
    checkout.list_experiments({"linear_regression": {}})
    checkout.plait("compose")
    checkout.list_experiments({"linear_regression": {"seed": 5}, "nowhere": {}})
    assert "unknown choice 'nowhere'" in failing(checkout)
    checkout.list_experiments({"linear_regression": {"seed": 5}, "a-b": {}})
    assert "'a-b' is no plain identifier" in failing(checkout)
    checkout.list_experiments({})
    assert "must list at least one experiment" in failing(checkout)
    (checkout.root / "params.yaml").write_text("experiments:\n  linear_regression: {seed: [1\n")
    assert "params.yaml, line 3: malformed YAML" in failing(checkout)
    text = "experiments:\n  linear_regression: {}\n  wine {}\n  diabetes: {}\n"
    (checkout.root / "params.yaml").write_text(text)
    assert "params.yaml, line 3: malformed YAML: could not find expected ':'" in failing(checkout)
    checkout.list_experiments({"linear_regression": {}})
    (checkout.root / "conf/model/linear.yaml").write_text("bias: true\n  wrong: 1\n")
    assert "model/linear.yaml, line 2: malformed YAML" in failing(checkout)


def test_overrides_on_the_command_line_are_checked(checkout: Checkout) -> None:
    for text in ("optimizer.lr=0.1,0.2", "~optimizer.lr", "optimizer.lr"):
        with pytest.raises(ConfigurationError, match="command line"):
            compose(checkout, {}, text)


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a.yaml", "old")

    def full(handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_text(tmp_path / "a.yaml", "new")
    assert (tmp_path / "a.yaml").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


HEADER = "# @package _global_\n"
IN_FILES: dict[str, tuple[str, list[str]]] = {
    "an unknown choice": (
        HEADER + "description: Mine\ndefaults:\n  - override /model: mpl\n",
        ["model: unknown choice 'mpl'; did you mean 'mlp'?", "conf/experiment/mine.yaml"],
    ),
    "an unknown group": (
        HEADER + "description: Mine\ndefaults:\n  - override /modl: mlp\n",
        ["conf/experiment/mine.yaml: no such group: modl; did you mean model?"],
    ),
    "no override": (
        HEADER + "description: Mine\ndefaults:\n  - /model: mlp\n",
        ["conf/experiment/mine.yaml: defaults:", "write `override /model: mlp`"],
    ),
    "no header": (
        "description: Mine\n",
        ["conf/experiment/mine.yaml: its first line must be `# @package _global_`"],
    ),
    "no description": (HEADER + "seed: 1\n", ["description: is '' (text); must be some text"]),
    "a choice among the values": (
        HEADER + "description: Mine\nmodel: mlp\n",
        ["conf/experiment/mine.yaml: model: choose by `override /model: mlp`"],
    ),
}


@pytest.mark.parametrize("case", IN_FILES)
def test_every_fault_of_an_experiment_file_is_said(checkout: Checkout, case: str) -> None:
    text, words = IN_FILES[case]
    checkout.append("conf/experiment/mine.yaml", text)
    checkout.list_experiments({"mine": {}})
    with pytest.raises(ConfigurationError) as error:
        Project(checkout.root).compose_all()
    for word in words:
        assert word in str(error.value)
    assert len(str(error.value).splitlines()) <= 4


def test_nothing_chosen_where_something_is_needed_is_refused(checkout: Checkout) -> None:
    with pytest.raises(ConfigurationError, match="model: is null; choose one of catboost"):
        compose(checkout, {"model": None})
    assert compose(checkout, {"objective": None}).choice("objective") == "squared_error"
    assert compose(checkout, {"callbacks": None})["callbacks"] == {}


def test_values_of_a_callback_that_is_not_chosen_are_refused(checkout: Checkout) -> None:
    with pytest.raises(ConfigurationError, match=r"has values but is not chosen; add `choice:"):
        compose(checkout, {"callbacks": {"early_stopping": {"patience": 3}}})


def test_a_debug_preset_can_be_chosen_in_an_experiment_file(checkout: Checkout) -> None:
    text = HEADER + "description: Mine\ndefaults:\n  - market\n  - override /debug: fast\n"
    checkout.append("conf/experiment/mine.yaml", text)
    checkout.list_experiments({"mine": {}})
    resolved = Project(checkout.root).compose("mine")
    assert resolved["trainer.max_steps"] == 2
    assert explain(Project(checkout.root), "mine", "trainer.max_steps") == (
        "trainer.max_steps = 2\n  set by conf/debug/fast.yaml: 2\n  replaced conf/config.yaml: null"
    )


def test_explain_leaves_out_what_a_replaced_choice_took_along(checkout: Checkout) -> None:
    checkout.append("conf/experiment/linear_regression.yaml", "optimizer: {lr: 0.5}\n")
    checkout.list_experiments({"linear_regression": {"optimizer": "adam"}})
    project = Project(checkout.root)
    assert project.compose("linear_regression")["optimizer.lr"] == 0.001
    assert explain(project, "linear_regression", "optimizer.lr") == (
        "optimizer.lr = 0.001\n  set by conf/optimizer/adam.yaml: 0.001"
    )


@pytest.mark.parametrize("name", ["linear_regression", "least_squares", "market", "wine"])
def test_explain_always_ends_at_the_value_in_force(name: str) -> None:
    project = Project(ROOT)
    resolved = project.compose(name)
    for key in ("data", "model", "optimizer", "trainer", "preprocessing", "seed"):
        for block in re.split(r"\n(?=\S)", explain(project, name, key)):
            first, *rest = block.splitlines()
            value = first.partition(" = ")[2]
            if rest and rest[0].startswith("  set by"):
                assert rest[0].endswith(f": {value}"), block
    assert resolved.name == name


def test_one_and_one_point_nought_are_one_value(checkout: Checkout) -> None:
    whole = compose(checkout, {"optimizer": {"lr": 1}})
    point = compose(checkout, {"optimizer": {"lr": 1.0}})
    assert whole.identity == point.identity
    assert whole.text() == point.text()


def test_the_order_of_keys_changes_nothing(checkout: Checkout) -> None:
    one = compose(checkout, {"optimizer": {"lr": 0.1}, "seed": 1})
    other = compose(checkout, {"seed": 1, "optimizer": {"lr": 0.1}})
    assert one.text() == other.text()


def test_two_experiments_that_are_one_training_are_refused(checkout: Checkout) -> None:
    checkout.append(
        "conf/experiment/twin.yaml", HEADER + "description: A twin\ndefaults:\n  - market\n"
    )
    checkout.list_experiments({"market": {}, "twin": {}})
    with pytest.raises(ConfigurationError, match="twin: is the very training that market is"):
        Project(checkout.root).compose_all()


def test_what_has_no_effect_is_not_in_the_label(checkout: Checkout) -> None:
    params: dict[str, object] = {
        "model": "least_squares",
        "optimizer": {"lr": 0.5},
        "debug": "overfit",
        "callbacks": [],
    }
    assert compose(checkout, params).label == "model=least_squares"


MISTAKES: dict[str, tuple[dict[str, str], str]] = {
    "a value outside of experiments": (
        {"params.yaml": "seed: 5\nexperiments:\n  market: {}\n"},
        "seed stands outside of `experiments`",
    ),
    "a number for a key": ({"params.yaml": "experiments:\n  market: {1: 2}\n"}, "1: unknown key"),
    "a list for a section": (
        {"params.yaml": "experiments:\n  market: {trainer: [1]}\n"},
        "trainer: is [1]; must be a mapping",
    ),
    "a list below a group": (
        {"params.yaml": "experiments:\n  market: {data: {split: [1]}}\n"},
        "data.split: is [1]; must be a mapping",
    ),
    "a value left open": (
        {"params.yaml": "experiments:\n  market: {optimizer: {lr: '???'}}\n"},
        "optimizer.lr",
    ),
    "another encoding": ({"params.yaml": "# caf\xe9\n"}, "params.yaml is not UTF-8"),
    "a data file that is not there": (
        {
            "conf/experiment/a.yaml": HEADER
            + "description: Mine\ndefaults: [override /data: table]\n"
            + "data: {path: data/raw/nowhere.csv}\n",
            "params.yaml": "experiments:\n  a: {}\n",
        },
        "a: there is no file data/raw/nowhere.csv; put it there, or correct the path",
    ),
    "an experiment for an experiment": (
        {"params.yaml": "experiments:\n  market: {experiment: wine}\n"},
        "experiment: unknown key",
    ),
    "values without a module": (
        {
            "conf/model/cubic.yaml": "# Mine.\nbias: true\n",
            "params.yaml": "experiments:\n  market: {model: cubic}\n",
        },
        "conf/model/cubic.yaml has no module beside it; add src/plait/models/cubic.py",
    ),
    "an experiment upon itself": (
        {
            "conf/experiment/a.yaml": HEADER + "description: Mine\ndefaults: [a]\n",
            "params.yaml": "experiments:\n  a: {}\n",
        },
        "a builds upon itself",
    ),
    "no list of defaults": (
        {
            "conf/experiment/a.yaml": HEADER + "description: Mine\ndefaults: market\n",
            "params.yaml": "experiments:\n  a: {}\n",
        },
        "defaults must be a list",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_said_without_a_traceback(checkout: Checkout, case: str) -> None:
    files, words = MISTAKES[case]
    for path, text in files.items():
        (checkout.root / path).write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError) as error:
        Project(checkout.root).compose_all()
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) <= 4
