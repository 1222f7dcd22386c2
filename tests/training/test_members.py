"""Networks of several members, and networks that give the logarithm of a mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from plait.config.registry import module_of, settings_of
from plait.errors import ConfigurationError, UserError
from plait.models.base import Shape
from plait.models.members import MemberNetwork
from plait.models.trained import TrainedModel
from plait.objectives.base import Batch
from plait.tasks.classification.learning import TASK as CLASSIFICATION
from plait.tasks.regression.learning import TASK as REGRESSION
from plait.tracking.record.exported import export, load_exported
from plait.training.objective import of_each_member
from training.fitting import Lab, equal_weights, inputs_and_targets

TABM = ("model=tabm", "model.members=3", "model.width=8", "model.blocks=2", "trainer.max_epochs=2")
COUNTS = ("diabetes", "objective=poisson", "preprocessing.target_scaling=none")

SHAPES = {
    "regression": Shape(REGRESSION, 4, 1),
    "counts": Shape(REGRESSION, 4, 1, "log"),
    "classification": Shape(CLASSIFICATION, 4, 3),
}


def tabm(shape: Shape, **changes: Any) -> MemberNetwork:
    values = {"members": 3, "blocks": 2, "width": 8, "dropout": 0.0, "sharing": "tabm"}
    settings = settings_of("model", "tabm")(**values | changes)
    torch.manual_seed(0)
    network = module_of("model", "tabm").build(settings, shape).double()
    assert isinstance(network, MemberNetwork)
    return network


def members_of(network: MemberNetwork, features: Tensor) -> Tensor:
    """What each member predicts, (rows, members, …), by its own outputs."""
    outputs = network.train()(features).view(len(features), 3, -1)
    predicted: Tensor = network.shape.activate(outputs)
    return predicted.squeeze(-1) if network.shape.task.scalar else predicted


@pytest.mark.parametrize("sharing", ["tabm", "tabm-mini", "tabm-packed"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_is_predicted_is_the_mean_of_the_members_predictions(
    shape: Shape, sharing: str
) -> None:
    network = tabm(shape, sharing=sharing)
    features = torch.randn(7, 4, dtype=torch.float64)
    each = members_of(network, features)
    assert (each[:, 0] != each[:, 1]).any()
    predicted = shape.activate(network.eval()(features))
    torch.testing.assert_close(predicted, each.mean(1), rtol=1e-12, atol=1e-12)


def test_a_members_outputs_are_those_of_the_package() -> None:
    from tabm import TabM

    network = tabm(SHAPES["classification"])
    theirs = TabM.make(
        n_num_features=4, d_out=3, k=3, n_blocks=2, d_block=8, dropout=0.0, arch_type="tabm"
    ).double()
    theirs.load_state_dict(network.state_dict())
    features = torch.randn(7, 4, dtype=torch.float64)
    assert torch.equal(network.train()(features).view(7, 3, 3), theirs(features))


def test_each_member_learns_by_its_own_loss_and_their_mean_is_validated() -> None:
    network = tabm(SHAPES["classification"])
    settings = settings_of("objective", "cross_entropy")(label_smoothing=0.1, class_weights="none")
    labels = torch.arange(7) % 3
    single = module_of("objective", "cross_entropy").build(settings, labels)
    batch = Batch(torch.randn(7, 4, dtype=torch.float64), labels, torch.arange(7))
    objective = of_each_member(single, 3)

    outputs = network.train()(batch.features).view(7, 3, 3)
    losses = [
        nn.functional.cross_entropy(outputs[:, member], labels, label_smoothing=0.1)
        for member in range(3)
    ]
    assert objective(network, batch)[0].item() == pytest.approx(
        torch.stack(losses).mean().item(), rel=1e-12
    )
    network.eval()
    assert objective(network, batch)[0] == single(network, batch)[0]


@pytest.mark.nightly
def test_the_number_of_processes_changes_no_number_of_members(lab: Lab) -> None:
    asked = ("wine", *TABM, "trainer.precision=64-true", "model.dropout=0.3", "data.split.val=0.2")
    alone = lab.fit(*asked)
    together = lab.fit(*asked, "trainer.devices=2")
    assert together.weights.keys() == alone.weights.keys()
    for key, values in alone.weights.items():
        assert together.weights[key] == pytest.approx(values, rel=0, abs=1e-13), key
    assert together.curves == alone.curves


def test_counts_are_predicted_by_their_mean_also_when_they_are_stored(
    lab: Lab, tmp_path: Path
) -> None:
    asked = (*COUNTS, "model=linear", "optimizer.lr=0.01", "trainer.max_epochs=3")
    outcome = lab.fit(*asked)
    features, _ = inputs_and_targets(outcome, outcome.data.train)
    with torch.inference_mode():
        outputs = outcome.model.fitted(torch.from_numpy(features).float()).double()
    predicted = outcome.model.predict(outcome.data.train)
    assert predicted == pytest.approx(outputs.exp().numpy(), rel=1e-6)
    assert outcome.model.coefficients() is None
    outcome.model.save(tmp_path / "model")
    loaded = TrainedModel.load(tmp_path / "model")
    assert np.array_equal(loaded.predict(outcome.data.train), predicted)
    rows = outcome.data.train.head(3)
    export(loaded, tmp_path / "model", tmp_path / "exported", rows)
    exported = load_exported(tmp_path / "exported").predict(outcome.data.train)
    assert exported == pytest.approx(predicted, rel=1e-6)


def test_a_linear_network_of_counts_is_the_poisson_regression_of_the_library(lab: Lab) -> None:
    from sklearn.linear_model import PoissonRegressor

    outcome = lab.fit(
        *(*COUNTS, "model=linear", "optimizer=adam", "optimizer.lr=0.5", "schedule=cosine"),
        *("batch_size=512", "trainer.max_epochs=150", "trainer.precision=64-true"),
        "trainer.select_checkpoint=last",
    )
    features, truth = inputs_and_targets(outcome, outcome.data.train)
    theirs = PoissonRegressor(alpha=0, max_iter=1000, tol=1e-8).fit(features, truth)
    predicted = outcome.model.predict(outcome.data.train)
    assert predicted == pytest.approx(theirs.predict(features), rel=0.02)


def test_counts_are_refused_where_they_are_none(lab: Lab) -> None:
    scaled = ("diabetes", "objective=poisson", "preprocessing.target_scaling=standard")
    with pytest.raises(ConfigurationError, match="objective: poisson takes counts; set it to none"):
        lab.resolved(*scaled)
    with pytest.raises(UserError, match=r"linear_regression: objective: poisson takes counts, and"):
        lab.fit("linear_regression", "objective=poisson", "trainer.max_epochs=1")


def test_members_are_trained_the_same_twice(lab: Lab) -> None:
    one, two = (lab.fit("diabetes", *TABM, "model.dropout=0.3") for _ in range(2))
    assert equal_weights(one, two)
    assert one.curves == two.curves
