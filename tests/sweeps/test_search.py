"""A search goes on where it was left, and ends as one that was never interrupted."""

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from checkouts import Checkout, copy_project
from plait.config.compose import Project
from plait.errors import ConfigurationError, Pruned, UserError
from plait.sweeps.app import run
from plait.sweeps.metric import fault_of, main_direction
from plait.sweeps.pruning import open_storage, watcher
from plait.sweeps.search import Search, SearchSettings
from plait.sweeps.section import name_of
from plait.sweeps.space import dimension_of
from plait.sweeps.summary import Row
from plait.sweeps.sweep import Sweep
from plait.sweeps.trial import Outcome, Trial
from plait.sweeps.worker import Worker
from plait.tracking.cost import without_costs
from plait.tracking.query.score import Score
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from sweeps.faults import SMALL, plant_faulty_model
from sweeps.launching import launched, runs_of_sweep, statuses, wait_for
from warm.start import warm_python

SPACE = ("optimizer.lr=tag(log, interval(1e-4, 1e-1))", "seed=range(1,9)", "optimizer=sgd,adam")


def parsed(texts: Iterable[str]) -> Any:
    return OverridesParser.create().parse_overrides(list(texts))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=range(1,4)", [1, 2, 3]),
        ("seed=range(8,2,-3)", [8, 5]),
        ("model.dropout=range(0,0.8,0.2)", [0.0, 0.2, 0.4, 0.6]),
        ("model=linear,mlp", ["linear", "mlp"]),
        ("model.hidden_sizes=choice([16],[32,32])", ["[16]", "[32,32]"]),
        ("optimizer.lr=interval(1e-4,0.1)", None),
    ],
)
def test_a_space_holds_the_values_that_hydra_means(text: str, values: list[Any] | None) -> None:
    (override,) = parsed([text])
    dimension = dimension_of(override)
    assert dimension.values == values
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    drawn = {
        dimension.drawn(study.ask({"x": dimension.distribution}).params["x"]) for _ in range(50)
    }
    assert drawn == set(values) if values else len(drawn) == 50


@pytest.mark.parametrize("text", ["a=interval(0.10000049,0.2)", "a=interval(0.1,0.10000051)"])
def test_a_drawn_number_is_short_and_within_its_bounds(text: str) -> None:
    (override,) = parsed([text])
    dimension = dimension_of(override)
    low, high = dimension.distribution.low, dimension.distribution.high
    for share in (0.0, 0.111111111, 1.0):
        drawn = dimension.drawn(low + share * (high - low))
        assert low <= drawn <= high
        assert drawn in (low, high) or len(str(drawn)) <= 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a=tag(log,interval(0,1))", "low > 0"),
        ("a=interval(1,0)", "low <= high"),
        ("a=range(3,3)", "the range is empty"),
    ],
)
def test_a_space_without_values_is_named(text: str, said: str) -> None:
    (override,) = parsed([text])
    with pytest.raises(ConfigurationError, match=re.escape(text)) as caught:
        dimension_of(override)
    assert said in str(caught.value)


class Lab:
    """Searches over a checkout's experiment whose trials are scored instead of trained."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self._project = Project(root)
        self._workspace = Workspace(root, scratch)
        self.ended: list[tuple[tuple[str, ...], str]] = []

    def compose(self, texts: Sequence[str]) -> Trial:
        overrides = ["data.split.val=0.2", *texts]
        return Trial(self._project.compose("linear_regression", overrides), tuple(texts))

    def search(
        self,
        space: Sequence[str] = SPACE,
        *,
        n_trials: int | None = 6,
        sampler: Any = "tpe",
        seed: int = 0,
        fresh: bool = False,
        stop_after: int = 99,
        metric: str | None = "val/loss",
        score: Callable[[Trial], Outcome | float] = lambda trial: score_of(trial),
        compose: Callable[[Sequence[str]], Trial] | None = None,
    ) -> list[Any]:
        """Launch a search, and let it be killed when the trial after so many has begun.

        :returns: the study's trials.
        """
        sweep = Sweep(self._workspace, fresh)
        sweep.name, sweep.metric, sweep.direction = "lab", metric, "minimize"
        settings = SearchSettings(n_trials=n_trials, sampler=sampler, seed=seed, storage=None)
        self.ended = []

        def run(
            trials: Iterable[Trial | Row], done: Callable[[Trial, Row], None], **how: Any
        ) -> None:
            for trial in trials:
                if isinstance(trial, Row):
                    self.ended.append((trial.overrides, f"refused: {trial.outcome.reason}"))
                    continue
                if len(self.ended) == stop_after:
                    raise KeyboardInterrupt
                worth = score(trial)
                row = Row(trial.resolved, trial.overrides, Outcome("new", 1.0, "id"), None)
                if isinstance(worth, Outcome):
                    row = Row(trial.resolved, trial.overrides, worth, None)
                else:
                    by_loss = Score("val/loss", "minimize", worth)
                    row = Row(trial.resolved, trial.overrides, row.outcome, by_loss)
                self.ended.append((trial.overrides, row.outcome.status))
                done(trial, row)

        search = Search(sweep, settings, None, parsed(space), compose or self.compose)
        with suppress(KeyboardInterrupt):
            search.run(run)
        url = f"sqlite:///{self._workspace.scratch / 'searches' / 'lab.db'}"
        return optuna.load_study(study_name="lab", storage=open_storage(url)).get_trials()


def score_of(trial: Trial) -> float:
    """Least at a learning rate of 0.01 with adam."""
    resolved = trial.resolved
    worse = 0.1 * (resolved.choice("optimizer") != "adam") + 0.001 * resolved["seed"]
    return float(abs(resolved["optimizer.lr"] - 0.01) + worse)


@pytest.fixture
def lab(shared_checkout: Checkout, tmp_path: Path) -> Lab:
    return Lab(shared_checkout.root, tmp_path)


def drawn(trials: list[Any]) -> list[tuple[dict[str, Any], float | None]]:
    return [(trial.params, trial.value) for trial in trials]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_an_interrupted_search_draws_what_an_undisturbed_one_draws(
    sampler: str, lab: Lab, shared_checkout: Checkout, tmp_path: Path
) -> None:
    undisturbed = lab.search(sampler=sampler, n_trials=12)
    other = Lab(shared_checkout.root, tmp_path / "other")
    for stop_after in (1, 11):
        left = other.search(sampler=sampler, n_trials=12, stop_after=stop_after)
        assert Counter(trial.state.name for trial in left)["RUNNING"] == 1
    went_on = other.search(sampler=sampler, n_trials=12)
    assert drawn(went_on) == drawn(undisturbed)
    assert len({str(trial.params) for trial in went_on}) == 12


@pytest.mark.slow
def test_tpe_learns_and_another_seed_draws_otherwise(lab: Lab) -> None:
    first = lab.search(n_trials=25)
    begun, later = first[:10], first[15:]
    assert sum(trial.value for trial in later) / 10 < sum(trial.value for trial in begun) / 10
    again = lab.search(n_trials=3, seed=1, fresh=True)
    assert all(one.params != other.params for one, other in zip(first, again, strict=False))


@pytest.mark.slow
def test_a_raised_number_of_trials_goes_on_and_a_lowered_one_begins_nothing(lab: Lab) -> None:
    few = lab.search(n_trials=3)
    more = lab.search(n_trials=5)
    assert drawn(more)[:3] == drawn(few)
    assert len(more) == len(lab.ended) == 5
    lab.search(n_trials=2)
    assert len(lab.search(n_trials=2)) == 5


def test_an_unfinished_trial_is_not_taken_up_beyond_the_number_wanted(lab: Lab) -> None:
    lab.search(n_trials=5, stop_after=3)
    left = lab.search(n_trials=3)
    assert [trial.state.name for trial in left] == ["COMPLETE"] * 3 + ["RUNNING"]


@pytest.mark.slow
def test_a_failed_trial_is_tried_once_a_launch_and_counts_once(lab: Lab) -> None:
    failed = Outcome("failed", 1.0, None, "a reason")

    def failing(trial: Trial) -> Outcome | float:
        return failed if trial.resolved["seed"] % 2 else score_of(trial)

    space = ["seed=range(1,4)"]
    trials = lab.search(space, sampler="grid", n_trials=None, score=failing)
    assert [trial.state.name for trial in trials] == ["FAIL", "COMPLETE", "FAIL"]
    lab.search(space, sampler="grid", n_trials=None, score=failing)
    assert [status for _, status in lab.ended] == ["failed", "new", "failed"]
    trials = lab.search(space, sampler="grid", n_trials=None)
    assert [trial.state.name for trial in trials] == [
        *("FAIL", "COMPLETE", "FAIL", "FAIL", "FAIL", "COMPLETE", "COMPLETE"),
    ]
    lab.search(space, sampler="grid", n_trials=None)
    assert len(lab.ended) == 3
    assert len(lab.search(space, sampler="grid", n_trials=None)) == 7


MOMENTUM = ("optimizer=sgd,adam", "optimizer.momentum=0.1,0.9")
"""A space of which half is no valid configuration: adam has no momentum."""


@pytest.mark.slow
def test_a_draw_that_is_no_configuration_counts_as_failed_and_the_search_goes_on(lab: Lab) -> None:
    trials = lab.search(MOMENTUM, sampler="grid", n_trials=None)
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    said = "linear_regression: optimizer.momentum: unknown key"
    assert all(trial.user_attrs["reason"].startswith(said) for trial in trials[2:])
    for _ in range(2):
        assert [status.split(";")[0] for _, status in lab.ended] == [
            *("new", "new", f"refused: {said}", f"refused: {said}"),
        ]
        # Launched again, it is told again, neither tried nor drawn anew.
        assert len(lab.search(MOMENTUM, sampler="grid", n_trials=None)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_invalid_draws_do_not_move_the_draws_of_an_interrupted_search(
    sampler: str, lab: Lab, shared_checkout: Checkout, tmp_path: Path
) -> None:
    space = (*MOMENTUM, "optimizer.lr=tag(log, interval(1e-4, 1e-1))")
    undisturbed = lab.search(space, sampler=sampler, n_trials=10)
    states = [trial.state.name for trial in undisturbed]
    assert set(states) == {"COMPLETE", "FAIL"}
    other = Lab(shared_checkout.root, tmp_path / "other")
    for stop_after in (1, 3):
        other.search(space, sampler=sampler, n_trials=10, stop_after=stop_after)
    went_on = other.search(space, sampler=sampler, n_trials=10)
    assert drawn(went_on) == drawn(undisturbed)
    assert [trial.state.name for trial in went_on] == states


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "metric", "said"),
    [
        (("optimizer=adam,adamw", MOMENTUM[1]), "val/loss", "optimizer.momentum: unknown key"),
        (("optimizer=adam", "optimizer.momentum=interval(0.1,0.9)"), "val/loss", "unknown key"),
        (("optimizer.momentum=interval(1.1,1.9)",), "val/loss", "none of 100 draws is a valid"),
        (("seed=0,1", "data.split.val=0.0"), "val/loss", "set data.split.val above 0"),
        (
            ("seed=0,1", "data.split.val=0.0"),
            None,
            "sweep.metric: no rows are held out to rank by;",
        ),
        (("seed=0,1", "data.split.val=0.0"), "validation/mse", "set data.split.val above 0"),
        (("seed=0,1",), "cv/mse", "there is no cv/mse without folds; set data.split.folds"),
        (("seed=0,1",), "test/auc", "test/auc is no metric of a regression task; there are test/"),
        (("seed=0,1", "model=svm"), "val/loss", "model=svm fits itself and has no val/loss"),
        (("data.seed=0,1",), "val/loss", "data.seed: a search ranks its trials"),
    ],
)
def test_a_space_without_one_valid_draw_is_refused_before_the_first_trial(
    space: tuple[str, ...], metric: str | None, said: str, lab: Lab
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)) as caught:
        lab.search(space, metric=metric)
    assert len(str(caught.value).splitlines()) <= 5
    assert lab.ended == []


def test_a_draw_that_cannot_have_the_metric_counts_as_failed(lab: Lab) -> None:
    trials = lab.search(["model=linear,svm"], sampler="grid", n_trials=None)
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL"]
    assert "model=svm fits itself and has no val/loss" in trials[1].user_attrs["reason"]


def test_by_default_it_is_for_the_main_metric_on_rows_held_out(lab: Lab) -> None:
    trials = lab.search(["seed=0,1"], sampler="grid", n_trials=None, metric=None)
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE"]
    # One that trains nothing by epochs has it too.
    assert lab.compose(["model=svm"]).resolved.choice("model") == "svm"
    assert fault_of(None, lab.compose(["model=svm"]).resolved) is None
    assert main_direction(lab.compose([]).resolved) == "minimize"


def test_a_draw_measured_on_other_rows_is_not_held_against_the_first(lab: Lab) -> None:
    space = ["data.noise=0.1,0.2", "seed=0,1"]
    for _ in range(2):
        trials = lab.search(space, sampler="grid", n_trials=None)
        assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    assert "measured on other rows than the first" in trials[2].user_attrs["reason"]


def test_a_grid_is_gone_through_in_order_and_once(lab: Lab) -> None:
    space = ["optimizer.lr=0.1,0.2", "seed=range(2)"]
    trials = lab.search(space, sampler="grid", n_trials=3)
    trials = lab.search(space, sampler="grid", n_trials=99)
    assert [(trial.params["optimizer.lr"], trial.params["seed"]) for trial in trials] == [
        *(("0.1", 0), ("0.1", 1), ("0.2", 0), ("0.2", 1)),
    ]


@pytest.mark.parametrize(
    ("space", "sampler", "n_trials", "said"),
    [
        (["optimizer.lr=0.1"], "tpe", 3, "nothing to search over"),
        (["optimizer.lr=interval(0.1,1)"], "grid", None, "optimizer.lr: is an interval"),
        (["optimizer.lr=0.1,0.2"], "tpe", None, "n_trials: is null"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(
    space: list[str], sampler: str, n_trials: int | None, said: str, lab: Lab
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        lab.search(space, sampler=sampler, n_trials=n_trials)


@pytest.mark.slow
def test_one_name_is_one_search(lab: Lab) -> None:
    lab.search(n_trials=2)
    for other in ({"space": SPACE[:2]}, {"sampler": "random"}, {"seed": 1}):
        with pytest.raises(UserError, match="lab is a search over other values, or in another"):
            lab.search(**{"n_trials": 2, **other})  # type: ignore[arg-type]
    assert len(lab.search(SPACE[:2], n_trials=2, fresh=True)) == 2


@pytest.mark.slow
def test_trials_of_other_code_are_not_mixed_with_new_ones(lab: Lab) -> None:
    lab.search(n_trials=2)

    def changed(texts: Sequence[str]) -> Trial:
        return lab.compose([*texts, "data.samples=500"])

    with pytest.raises(UserError, match="code, data or packages have changed"):
        lab.search(n_trials=3, compose=changed)
    assert len(lab.search(n_trials=3, compose=changed, fresh=True)) == 3


def test_the_name_tells_spaces_and_samplers_apart() -> None:
    names = {
        name_of(["experiment=wine", *space], by)
        for space in (["seed=0,1"], ["seed=0,2"])
        for by in (["sampler=tpe"], ["sampler=random"])
    }
    assert len(names) == 4
    assert all(name.startswith("wine-seed-") for name in names)


MEDIAN = {"name": "median", "startup_trials": 1, "warmup_epochs": 1}


def study_with_a_good_trial(url: str) -> Any:
    study = optuna.create_study(study_name="s", storage=open_storage(url), direction="minimize")
    good = study.ask()
    for epoch in range(5):
        good.report(0.1, epoch)
    study.tell(good, 0.1)
    return study


@pytest.mark.slow
def test_a_trial_worse_than_the_others_is_pruned_after_the_warm_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    study = study_with_a_good_trial(url)
    number = study.ask().number
    watch = watcher(url, "s", number, "val/loss", MEDIAN)
    assert watch is not None
    watch(0, {"val/loss": 0.5, "train/loss": 0.4})
    with pytest.raises(Pruned, match=r"val/loss 0\.4 at epoch 1"):
        watch(1, {"val/loss": 0.4})
    assert study.trials[number].intermediate_values == {0: 0.5, 1: 0.4}

    # Killed before anybody heard of it, the training goes on from a checkpoint.
    again = watcher(url, "s", number, "val/loss", MEDIAN)
    assert again is not None
    again(0, {"val/loss": 0.5})
    with pytest.raises(Pruned, match="at epoch 1"):
        again(1, {"val/loss": 0.4})
    assert study.trials[number].intermediate_values == {0: 0.5, 1: 0.4}


def test_a_trial_better_than_the_others_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    study = study_with_a_good_trial(url)
    number = study.ask().number
    watch = watcher(url, "s", number, "val/loss", MEDIAN)
    assert watch is not None
    for epoch in range(5):
        watch(epoch, {"val/loss": 0.05})
    assert len(study.trials[number].intermediate_values) == 5


def test_a_search_for_the_most_of_another_metric_prunes_by_the_least_loss(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    study = optuna.create_study(study_name="s", storage=open_storage(url), direction="maximize")
    good = study.ask()
    for epoch in range(3):
        good.report(-0.1, epoch)
    study.tell(good, 0.9)
    worse, better = study.ask().number, study.ask().number
    watch = watcher(url, "s", worse, None, MEDIAN)
    assert watch is not None
    watch(0, {"val/loss": 0.5})
    with pytest.raises(Pruned, match=r"val/loss 0\.4 at epoch 1"):
        watch(1, {"val/loss": 0.4})
    watch = watcher(url, "s", better, None, MEDIAN)
    assert watch is not None
    for epoch in range(3):
        watch(epoch, {"val/loss": 0.05})


def test_a_metric_that_no_epoch_has_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    number = study_with_a_good_trial(url).ask().number
    watch = watcher(url, "s", number, "val/loss", MEDIAN)
    assert watch is not None
    with pytest.raises(UserError, match=r"val/loss .* only train/loss, train/lr; .*sweep\.metric"):
        watch(0, {"train/loss": 1.0, "train/lr": 0.1})


def test_without_a_pruner_no_epoch_is_reported() -> None:
    assert watcher("sqlite:///nowhere/s.db", "s", 0, "val/loss", None) is None


OPEN = "import sys; from plait.sweeps.pruning import open_storage; open_storage(sys.argv[1])"


def test_many_processes_may_make_the_same_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    processes = [
        subprocess.Popen([warm_python(), "-c", OPEN, url], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said


def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"hydra\.sweeper\.storage: can't be opened: .*unable"):
        open_storage(f"sqlite:///{tmp_path / 'no_such_folder' / 's.db'}")


PRUNING = (
    *("run", "-m", "experiment=linear_regression", "hydra/sweeper=optuna"),
    *("hydra/sweeper/pruner=median", "hydra.sweeper.pruner.startup_trials=2"),
    *("hydra.sweeper.pruner.warmup_epochs=1", "optimizer.lr=tag(log, interval(1e-4, 1e-1))"),
    *("data.samples=200", "data.split.val=0.2", "trainer.max_epochs=6"),
    *("trainer.checkpoint_minutes=0", "evaluation.resamples=20", "sweep.name=pruning"),
)


def study_of(checkout: Checkout, name: str = "pruning") -> list[Any]:
    file = checkout.root / ".plait/searches" / f"{name}.db"
    if not file.exists():
        return []
    storage = open_storage(f"sqlite:///{file}")
    if name not in optuna.get_all_study_names(storage):
        return []
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def what_came(trials: list[Any]) -> list[Any]:
    return [
        (trial.number, trial.state.name, trial.value, trial.params, trial.intermediate_values)
        for trial in trials
    ]


@pytest.mark.slow
def test_a_search_that_is_killed_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    undisturbed, killed = (copy_project(tmp_path / name) for name in ("undisturbed", "killed"))
    said = undisturbed.plait(*PRUNING, "hydra.sweeper.n_trials=8").stdout
    assert statuses(said)["pruned"] + statuses(said)["new"] == 8

    def in_the_middle() -> bool:
        states = [trial.state.name for trial in study_of(killed)]
        return len(states) > 3 and states[-1] == "RUNNING"

    with launched(killed, *PRUNING, "hydra.sweeper.n_trials=8"):
        wait_for(in_the_middle)
    # On leaving, the whole group of processes is killed.
    assert [trial.state.name for trial in study_of(killed)].count("RUNNING") == 1
    went_on = killed.plait(*PRUNING, "hydra.sweeper.n_trials=8")
    assert "pruning: goes on with " in went_on.stderr
    assert what_came(study_of(killed)) == what_came(study_of(undisturbed))
    assert {"PRUNED", "COMPLETE"} == {trial.state.name for trial in study_of(killed)}

    metrics = []
    for checkout in (undisturbed, killed):
        runs = runs_of_sweep(open_store(Workspace.at(checkout.root), "local", {}), "pruning")
        assert Counter(run.info.status for run in runs) == {
            "FINISHED": sum(trial.state.name == "COMPLETE" for trial in study_of(checkout)),
            "KILLED": sum(trial.state.name == "PRUNED" for trial in study_of(checkout)),
        }
        pruned = [run for run in runs if run.info.status == "KILLED"]
        assert all(run.data.tags["plait.error"].startswith("pruned: val/loss") for run in pruned)
        finished = [run for run in runs if run.info.status == "FINISHED"]
        metrics.append({run.info.run_name: without_costs(run.data.metrics) for run in finished})
    assert metrics[0] == metrics[1]

    # Raised later, it trains what it lacks, and nothing again that was pruned or finished.
    last = killed.plait(*PRUNING, "hydra.sweeper.n_trials=9")
    assert what_came(study_of(killed))[:8] == what_came(study_of(undisturbed))
    counted = statuses(last.stdout)
    assert counted["reused"] == statuses(said)["new"]
    assert counted["reused"] + counted["pruned"] + counted["new"] == 9
    assert counted["new"] <= 1


@pytest.mark.slow
def test_a_search_on_several_workers_survives_trials_that_die(checkout: Checkout) -> None:
    plant_faulty_model(checkout)
    command = (
        *("run", "-m", "experiment=linear_regression", *SMALL, "model=faulty"),
        *("model.fault=kill,none", "optimizer.lr=0.01,0.1", "hydra/sweeper=optuna"),
        *("hydra.sweeper.sampler=grid", "hydra.sweeper.n_trials=null", "sweep.metric=test/mse"),
        *("hydra/launcher=joblib", "hydra.launcher.jobs=2", "sweep.name=dying"),
    )
    said = checkout.plait(*command, check=False)
    assert said.returncode == 1
    assert statuses(said.stdout) == {"new": 2, "failed": 2}
    states = Counter(trial.state.name for trial in study_of(checkout, "dying"))
    assert states == {"COMPLETE": 2, "FAIL": 2}
    best = min(trial.value for trial in study_of(checkout, "dying") if trial.value is not None)
    store = open_store(Workspace.at(checkout.root), "local", {})
    assert best == min(
        run.data.metrics["test/mse"] for run in store.runs("") if run.info.status == "FINISHED"
    )


@pytest.mark.slow
def test_a_trial_without_the_metric_ends_the_search_with_those_there_are(
    checkout: Checkout,
) -> None:
    said = checkout.plait(
        *("run", "-m", "experiment=linear_regression", *SMALL, "seed=range(3)"),
        # What an objective logs is known once it has run.
        *("hydra/sweeper=optuna", "data.split.val=0.2", "sweep.metric=val/accuracy"),
        check=False,
    )
    assert said.returncode == 1
    assert re.search(
        r"sweep\.metric: val/accuracy is what the search is for, but seed=\d has only\n"
        r"  test/mae, test/mse, .*train/loss",
        said.stderr,
    )
    assert "Traceback" not in said.stderr


READY_MADE = {"learning_rate": 6, "families": 5, "seeds": 5, "search": 2}
"""How many trials each has."""


FEW_LABELS = ("model=tfidf", "finetuning=full", "data.n_labelled=50,null", "seed=0")
"""As many trials as its file says take hours."""


def short_command(checkout: Checkout, name: str) -> list[str]:
    """As the file of a ready-made sweep names it, with trials that take a moment."""
    text = (checkout.root / "conf/sweep" / f"{name}.yaml").read_text(encoding="utf-8")
    (command,) = re.findall(r": plait (run \S+)$", text.splitlines()[1])
    small = ["trainer.max_epochs=2", "evaluation.resamples=20"]
    few = ["hydra.sweeper.n_trials=2"] if name == "search" else []
    return [*command.split(), *small, *few]


@pytest.mark.slow
def test_the_short_commands_of_ready_made_sweeps_mean_the_trials_they_say(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is composed and handed to a worker, which declines."""
    declined = Outcome("failed", 0.0, None, "declined")
    monkeypatch.setattr(Worker, "run", lambda worker, trial, wait: declined)
    for name, count in READY_MADE.items():
        assert run(checkout.root, short_command(checkout, name)[1:]) == 1
        assert statuses(capsys.readouterr().out) == {"failed": count}, name
    assert run(checkout.root, ["sweep=few_labels", *FEW_LABELS]) == 1
    assert statuses(capsys.readouterr().out) == {"failed": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        # That all have valid trials, the test above shows; what runs them is the same.
        name if name == "search" else pytest.param(name, marks=pytest.mark.nightly)
        for name in READY_MADE
    ],
)
def test_ready_made_sweeps_run_by_their_one_short_command(name: str, checkout: Checkout) -> None:
    said = checkout.plait(*short_command(checkout, name)).stdout
    assert statuses(said) == {"new": READY_MADE[name]}
    assert ("(5 seeds)" in said) == (name == "seeds")


@pytest.mark.nightly
def test_so_does_the_sweep_over_numbers_of_labels(checkout: Checkout) -> None:
    said = checkout.plait("run", "sweep=few_labels", *FEW_LABELS, "evaluation.resamples=20").stdout
    assert statuses(said) == {"new": 2}
    assert "n_labelled=null" in said


BAD_DRAWS = (
    *("run", "-m", "experiment=linear_regression", "hydra/sweeper=optuna", *MOMENTUM),
    *("optimizer.lr=tag(log, interval(1e-4, 1e-1))", "data.samples=100", "data.split.val=0.2"),
    *("trainer.max_epochs=3", "evaluation.resamples=20", "sweep.name=bad_draws"),
    *("hydra.sweeper.n_trials=6", "hydra.sweeper.sampler=random"),
)


@pytest.mark.slow
def test_a_search_with_bad_draws_goes_on_after_ctrl_c_and_after_a_kill(tmp_path: Path) -> None:
    undisturbed, stopped = (copy_project(tmp_path / name) for name in ("undisturbed", "stopped"))
    said = undisturbed.plait(*BAD_DRAWS, check=False)
    assert said.returncode == 1, said.stderr
    states = Counter(trial.state.name for trial in study_of(undisturbed, "bad_draws"))
    assert states["FAIL"]
    assert statuses(said.stdout) == {"new": states["COMPLETE"], "failed": states["FAIL"]}
    assert "linear_regression: optimizer.momentum: unknown key" in said.stdout
    bad = r"^optimizer=adam momentum=0.\d lr=\S+: failed, linear_regression: optimizer.momentum: "
    assert len(re.findall(bad, said.stderr, re.MULTILINE)) == states["FAIL"]
    assert "best by validation/mse: " in said.stdout

    def a_trial_runs(after: int) -> bool:
        states = [trial.state.name for trial in study_of(stopped, "bad_draws")]
        return states.count("COMPLETE") >= after and states[-1:] == ["RUNNING"]

    for after in (0, 1):
        with launched(stopped, *BAD_DRAWS) as process:
            wait_for(lambda after=after: a_trial_runs(after), 300)  # type: ignore[misc]
            if not after:
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
                assert process.returncode == 130, err
                assert "Traceback" not in err
    stopped.plait(*BAD_DRAWS, check=False)
    both = (study_of(checkout, "bad_draws") for checkout in (stopped, undisturbed))
    ended, alone = (what_came(trials) for trials in both)
    assert ended == alone
