"""What goes wrong in training, and how it is said."""

import re
from pathlib import Path

import pytest

from plait.errors import UserError
from plait.training.fit import fit, prepare
from training.fitting import Lab


def test_a_training_that_diverges_says_where_and_what_helps(lab: Lab, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.raises(UserError) as error:
        lab.fit(
            "linear_regression",
            *("optimizer.lr=1.5", "trainer.max_epochs=50"),
            checkpoints=tmp_path,
            observe=lambda epoch, values: seen.append(epoch),
        )
    message = str(error.value)
    assert re.match(
        r"linear_regression: the loss is inf at step \d+, epoch \d+, on rows (\d+, ){9}\d+ and 22"
        " more of the training part",
        message,
    )
    assert f"epoch {seen[-1] + 1}," in message
    assert "smaller optimizer.lr" in message
    assert "trainer.gradient_clip" in message
    # It ends there: nothing is gained by going on.
    assert len(seen) < 50


def test_a_diverging_validation_loss_is_no_best_epoch(lab: Lab) -> None:
    with pytest.raises(UserError, match="diverged"):
        lab.fit("market", "optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=2")


def test_anomaly_detection_names_the_operation(lab: Lab) -> None:
    with (
        pytest.warns(UserWarning, match="Error detected in MseLossBackward0"),
        pytest.raises(UserError, match="linear_regression: Function 'MseLossBackward0' returned"),
    ):
        lab.fit("linear_regression", "trainer.detect_anomaly=true", "optimizer.lr=1e30")


@pytest.mark.parametrize("run", ["prepare", "fit"])
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.accelerator=gpu", "trainer.accelerator: this machine has no gpu; use auto"),
        ("trainer.accelerator=mps", "trainer.accelerator: this machine has no mps; use auto"),
        ("trainer.precision=16-mixed", "16-mixed needs a gpu; on a cpu use bf16-mixed"),
    ],
)
def test_what_the_machine_lacks_is_refused_when_training_starts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, run: str, override: str, words: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(UserError, match=words):
        if run == "prepare":
            prepare(lab.resolved("linear_regression", override))
        else:
            lab.fit("linear_regression", override)


def test_batch_normalisation_of_a_single_row_is_refused(lab: Lab) -> None:
    with pytest.raises(UserError, match="choose another batch_size"):
        lab.fit("market", "model.normalization=batch", "trainer.micro_batch_size=1")


def test_a_callback_that_needs_validation_rows_says_so(lab: Lab) -> None:
    resolved = lab.resolved("breast_cancer", "callbacks=[early_stopping]")
    data = lab.data(resolved)
    with pytest.raises(UserError, match=r"callbacks.early_stopping needs a validation part"):
        fit(
            resolved,
            data.dataset,
            data.train,
            None,
            checkpoints=lab.folder,
            observe=lambda epoch, values: None,
        )


def test_data_that_an_estimator_cannot_take_are_said_in_its_words(lab: Lab) -> None:
    resolved = lab.resolved("wine", "model=svm")
    data = lab.data(resolved)
    few = data.train.groupby("target").head(2)
    with pytest.raises(UserError, match="wine: model svm: "):
        fit(
            resolved,
            data.dataset,
            few,
            None,
            checkpoints=lab.folder,
            observe=lambda epoch, values: None,
        )
