"""Models that were saved when their settings had other keys."""

from pathlib import Path

import numpy as np

from plait.artifacts import read_json, write_json
from plait.config.renamed import RENAMED
from plait.models.trained import DESCRIPTION, TrainedModel
from training.fitting import Lab

OLD = {new: old.rpartition(".")[2] for old, new in RENAMED.items()}


def test_a_model_that_was_saved_under_old_keys_predicts_the_same(
    texts: Lab, tmp_path: Path
) -> None:
    outcome = texts.fit("tiny", "finetuning=lora", "trainer.max_steps=2")
    model, test = outcome.model, outcome.data.test
    assert test is not None
    model.save(tmp_path)
    described = read_json(tmp_path / DESCRIPTION)
    for section, key in (("model", "settings"), ("finetuning", "finetuning")):
        values = described[key]
        described[key] = {OLD.get(f"{section}.{name}", name): values[name] for name in values}
    assert "body_dropout" in described["settings"]
    assert "targets" in described["finetuning"]
    write_json(tmp_path / DESCRIPTION, described)
    again = TrainedModel.load(tmp_path)
    assert (again.settings, again.finetuning) == (model.settings, model.finetuning)
    assert np.array_equal(again.predict(test), model.predict(test))
