"""The fit of an estimator that knows how to fit itself."""

from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.config.chosen import settings_in
from plait.config.registry import module_of
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.models import estimators
from plait.models.base import EstimatorSettings, Shape
from plait.training.job import Arrays, Fitted, Training, TrainingJob

if TYPE_CHECKING:
    import numpy as np


def prepare(resolved: Resolved) -> str:
    """Nothing to check: it runs on the CPU of any machine."""
    return "cpu"


def fit(job: TrainingJob) -> Fitted:
    """Fit on the training part; the validation part has nothing to select.

    :raises UserError: with scikit-learn's own words, for data that the family cannot take.
    """
    from threadpoolctl import threadpool_limits

    resolved, shape, train = job.resolved, job.shape, job.train
    choice = resolved.choice("model")
    settings = settings_in(resolved, "model", EstimatorSettings)
    module = module_of("model", choice)
    # A choice may know better than its estimator how to fit it.
    fit_in_place = getattr(module, "fit", estimators.FAMILY.fit)
    # First, since only of libraries that are loaded can the threads be limited.
    estimator = module.build(settings, shape, resolved["seed"])
    with threadpool_limits(resolved["trainer.threads"]):
        try:
            fit_in_place(estimator, train.features, train.targets, train.weights)
            # Some look at how many rows there are only now.
            outputs = estimators.FAMILY.predict(estimator, train.features, shape)
        except ValueError as error:
            raise UserError(f"{resolved.name}: model {choice}: {error}") from error
        loss = _loss(shape, train, outputs)
    values = {"train/loss": significant(loss)}
    job.observe(0, values)
    return Fitted(estimator, [{"epoch": 0, **values}])


def _loss(shape: Shape, train: Arrays, outputs: "np.ndarray") -> float:
    """The mean squared error of scaled numbers, or the mean negative logarithm of the probability
    of what is right, in nats.
    """
    from sklearn.metrics import log_loss, mean_squared_error

    targets, weights = train.targets, train.weights
    if shape.task.scalar:
        return float(mean_squared_error(targets, outputs, sample_weight=weights))
    if shape.task.several:
        return float(log_loss(targets.ravel(), outputs.ravel(), labels=[0, 1]))
    labels = list(range(shape.outputs))
    return float(log_loss(targets, outputs, labels=labels, sample_weight=weights))


TRAINING = Training(prepare, fit)
