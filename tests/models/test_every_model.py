"""What holds for every model and every task that it declares."""

from pathlib import Path

import numpy as np
import pytest

from checkouts import ROOT
from plait.config.registry import choices, family_of
from plait.models.boosted import library_of
from plait.models.trained import TrainedModel
from training.fitting import CASES, MODELS, Lab, OtherProcess, Outcome, files_of

OUTCOMES: dict[tuple[str, str], Outcome] = {}


@pytest.fixture(params=MODELS, ids="_".join)
def outcome(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    """A trained model of each choice and task."""
    choice, task = request.param
    if request.param not in OUTCOMES:
        OUTCOMES[request.param] = lab.fit(*CASES[f"{choice}_{task}"])
    return OUTCOMES[request.param]


def test_every_choice_is_covered() -> None:
    of_columns = [
        choice for choice in choices(ROOT / "conf", "model") if family_of(choice).takes == "columns"
    ]
    assert sorted({choice for choice, _ in MODELS}) == of_columns


def test_predictions_have_a_row_for_each_row(outcome: Outcome) -> None:
    assert outcome.data.test is not None
    for frame in (outcome.data.test, outcome.data.test.iloc[:1], outcome.data.test.iloc[:0]):
        predictions = outcome.model.predict(frame)
        assert predictions.dtype == np.float64
        if outcome.model.task == "regression":
            assert predictions.shape == (len(frame),)
        else:
            assert predictions.shape == (len(frame), len(outcome.model.classes))
            assert predictions.sum(axis=1) == pytest.approx(np.ones(len(frame)))
            assert ((predictions >= 0) & (predictions <= 1)).all()


def test_the_way_rows_are_cut_changes_no_prediction(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = outcome.model.predict(outcome.data.train)
    monkeypatch.setattr("plait.models.trained.PREDICTION_ROWS", 11)
    assert outcome.model.predict(outcome.data.train) == pytest.approx(whole, rel=1e-6, abs=1e-6)


def test_it_beats_a_constant_on_what_it_has_seen(outcome: Outcome) -> None:
    losses = outcome.curve("train/loss")
    if family_of(outcome.model.choice).by_gradient:
        assert losses[-1] < losses[0]
    else:
        # Scaled target: the mean's error is 1; classes: log(3).
        assert losses[-1] < (1.0 if outcome.model.task == "regression" else np.log(3))


def test_what_was_saved_predicts_the_same_bits(outcome: Outcome, tmp_path: Path) -> None:
    outcome.model.save(tmp_path)
    loaded = TrainedModel.load(tmp_path)
    for part in ("train", "val", "test"):
        frame = getattr(outcome.data, part)
        if frame is not None:
            assert np.array_equal(loaded.predict(frame), outcome.model.predict(frame))
    assert loaded.coefficients() == outcome.model.coefficients()
    assert loaded.preprocessor == outcome.model.preprocessor
    assert (loaded.choice, loaded.settings) == (outcome.model.choice, outcome.model.settings)


def test_saved_twice_the_files_are_equal(outcome: Outcome, tmp_path: Path) -> None:
    outcome.model.save(tmp_path / "first")
    outcome.model.save(tmp_path / "second")
    first = files_of(tmp_path / "first")
    assert first.keys() == {"model.json", *stored_in(outcome.model)}
    assert first == files_of(tmp_path / "second")


def stored_in(model: TrainedModel) -> set[str]:
    """The files of what was fitted."""
    if model.is_network:
        return {"weights.safetensors"}
    if family_of(model.choice).in_rounds:
        return {library_of(model.choice).file, "trees.sha256"}
    return {"estimator.skops"}


def test_what_lay_in_memory_before_is_not_saved_with_a_tree(lab: Lab, tmp_path: Path) -> None:
    model = lab.fit("wine", "model=decision_tree").model
    nodes = model.fitted.tree_.__getstate__()["nodes"]
    fields = sum(nodes.dtype[name].itemsize for name in nodes.dtype.names)
    assert fields < nodes.dtype.itemsize  # there is room for it
    model.save(tmp_path / "first")
    for number in range(20):
        dirty = [np.full(64 * size, 255, np.uint8) for size in range(1, 40)]
        del dirty
        model.save(tmp_path / "again")
        assert files_of(tmp_path / "first") == files_of(tmp_path / "again"), number


@pytest.mark.slow
def test_saved_by_another_process_the_files_are_equal(
    outcome: Outcome, other_process: OtherProcess, tmp_path: Path
) -> None:
    outcome.model.save(tmp_path)
    case = f"{outcome.model.choice}_{outcome.model.task}"
    assert files_of(tmp_path) == files_of(other_process.folder / case / "model")
