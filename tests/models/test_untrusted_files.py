"""Reading a model executes nothing, and a damaged one is said to be."""

import io
import json
import os
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkouts import ROOT
from plait.artifacts import write_json
from plait.config.compose import Project
from plait.errors import UserError
from plait.models.trained import TrainedModel
from plait.models.weights import WEIGHTS
from plait.training.distributed import exchange
from training.fitting import Lab


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture(scope="module")
def models(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    lab.fit("wine", "model=mlp", "trainer.max_epochs=1").model.save(folder / "network")
    lab.fit("wine", "model=svm").model.save(folder / "estimator")
    return folder


@pytest.fixture
def network(models: Path, tmp_path: Path) -> Path:
    return shutil.copytree(models / "network", tmp_path / "network")


@pytest.fixture
def estimator(models: Path, tmp_path: Path) -> Path:
    return shutil.copytree(models / "estimator", tmp_path / "estimator")


def with_file(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Rewrite a ZIP file with its contents changed."""
    with zipfile.ZipFile(archive) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    change(contents)
    with zipfile.ZipFile(archive, "w") as target:
        for name, content in contents.items():
            target.writestr(name, content)


def test_a_pickle_in_place_of_the_weights_is_refused(network: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    planted = pickle.dumps(Planted(trace))
    (network / "weights.safetensors").write_bytes(planted)
    with pytest.raises(UserError, match=r"weights.safetensors cannot be read .* `dvc repro`"):
        TrainedModel.load(network)
    assert not trace.exists()
    pickle.loads(planted)
    assert trace.exists()  # it would have


def test_what_the_processes_of_a_training_hand_over_is_no_pickle(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    folder = tmp_path / "processes"
    folder.mkdir()
    planted = np.array([Planted(trace)], dtype=object)
    for part in ("features", "targets"):
        np.save(folder / f"train-{part}.npy", planted, allow_pickle=True)
    write_json(folder / "job.json", {})
    resolved = Project(ROOT).compose("linear_regression")
    (folder / "resolved.yaml").write_text(resolved.text(), encoding="utf-8")
    with pytest.raises(ValueError, match=r"allow_pickle=False|Array can't be memory-mapped"):
        exchange.read_job(folder)
    (folder / WEIGHTS).write_bytes(pickle.dumps(Planted(trace)))
    write_json(folder / exchange.DONE, {"curves": []})
    with pytest.raises(UserError, match="cannot be read"):
        exchange.read_result(folder)
    assert not trace.exists()


def test_a_torch_checkpoint_in_place_of_the_weights_is_refused(
    network: Path, tmp_path: Path
) -> None:
    import torch

    trace = tmp_path / "executed"
    torch.save(Planted(trace), network / "weights.safetensors")
    with pytest.raises(UserError, match=r"weights.safetensors cannot be read"):
        TrainedModel.load(network)
    assert not trace.exists()


def test_a_pickle_in_place_of_the_estimator_is_refused(estimator: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    (estimator / "estimator.skops").write_bytes(pickle.dumps(Planted(trace)))
    with pytest.raises(UserError, match=r"estimator.skops cannot be read .* `dvc repro`"):
        TrainedModel.load(estimator)
    assert not trace.exists()


def test_a_pickle_inside_an_array_of_the_estimator_is_refused(
    estimator: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "executed"

    def plant(contents: dict[str, bytes]) -> None:
        arrays = [name for name in contents if name.endswith(".npy")]
        assert arrays
        stream = io.BytesIO()
        np.save(stream, np.array([Planted(trace)], dtype=object), allow_pickle=True)
        for name in arrays:
            contents[name] = stream.getvalue()

    with_file(estimator / "estimator.skops", plant)
    with pytest.raises(UserError, match=r"estimator.skops cannot be read"):
        TrainedModel.load(estimator)
    assert not trace.exists()


def test_a_foreign_type_inside_the_estimator_is_named(estimator: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer
    from skops.io import dumps

    planted = dumps(FunctionTransformer(func=os.system))
    (estimator / "estimator.skops").write_bytes(planted)
    with pytest.raises(UserError, match=r"types that are not trusted.*: posix.system"):
        TrainedModel.load(estimator)


def test_a_changed_class_name_inside_the_estimator_is_named(estimator: Path) -> None:
    def plant(contents: dict[str, bytes]) -> None:
        schema = json.loads(contents["schema.json"])
        schema["__module__"], schema["__class__"] = "subprocess", "Popen"
        contents["schema.json"] = json.dumps(schema).encode()

    with_file(estimator / "estimator.skops", plant)
    with pytest.raises(UserError, match=r"subprocess.Popen"):
        TrainedModel.load(estimator)


def test_the_types_that_one_model_needs_are_not_trusted_in_another(
    lab: Lab, estimator: Path
) -> None:
    tree = lab.fit("wine", "model=decision_tree")
    tree.model.save(estimator)
    description = json.loads((estimator / "model.json").read_text())
    svm = lab.resolved("wine", "model=svm").settings("model")
    (estimator / "model.json").write_text(
        json.dumps({**description, "choice": "svm", "settings": svm})
    )
    with pytest.raises(UserError, match=r"not trusted.*: sklearn.tree._tree.Tree"):
        TrainedModel.load(estimator)


@pytest.mark.parametrize("kind", ["network", "estimator"])
def test_damaged_bytes_load_as_they_were_or_give_a_user_error(models: Path, kind: str) -> None:
    folder = models / f"damaged {kind}"
    shutil.copytree(models / kind, folder)
    (path,) = [*folder.glob("*.safetensors"), *folder.glob("*.skops")]
    whole = path.read_bytes()
    generator = random.Random(0)
    messages = []
    for number in range(60):
        cut = generator.randrange(len(whole))
        flipped = whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 :]
        path.write_bytes(whole[:cut] if number % 3 == 0 else flipped)
        try:
            TrainedModel.load(folder)
        except UserError as error:
            messages.append(str(error))
    assert len(messages) >= 20
    assert all(path.name in message for message in messages)


def test_weights_of_another_shape_are_refused(lab: Lab, network: Path) -> None:
    other = lab.fit("wine", "model=mlp", "model.hidden_sizes=[5]", "trainer.max_epochs=1")
    other.model.save(network.parent / "other")
    shutil.copy(network.parent / "other" / "weights.safetensors", network)
    with pytest.raises(UserError, match="size mismatch"):
        TrainedModel.load(network)


@pytest.mark.parametrize(
    "name", ["model.json", "weights.safetensors"], ids=["description", "weights"]
)
def test_a_missing_file_is_said(network: Path, name: str) -> None:
    (network / name).unlink()
    with pytest.raises(UserError, match=name if name != "model.json" else "no trained model"):
        TrainedModel.load(network)


def test_a_damaged_description_is_said(network: Path) -> None:
    for text in ("{", "[]", '{"choice": "mlp"}'):
        (network / "model.json").write_text(text)
        with pytest.raises(UserError, match="no trained model here"):
            TrainedModel.load(network)
