"""The fit of an estimator that knows how to fit itself."""

from plait.artifacts import significant
from plait.config.chosen import settings_in
from plait.config.registry import module_of
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.models import estimators
from plait.models.base import EstimatorSettings
from plait.training.task import Fitted, Task, Training


def prepare(resolved: Resolved) -> str:
    """Nothing to check: it runs on the CPU of any machine."""
    return "cpu"


def fit(task: Task) -> Fitted:
    """Fit on the training part; the validation part has nothing to select.

    :raises UserError: with scikit-learn's own words, for data that the family cannot take.
    """
    from threadpoolctl import threadpool_limits

    resolved, shape, train = task.resolved, task.shape, task.train
    choice = resolved.choice("model")
    settings = settings_in(resolved, "model", EstimatorSettings)
    module = module_of("model", choice)
    # A choice may know better than its estimator how to fit it.
    fit_in_place = getattr(module, "fit", estimators.FAMILY.fit)
    with threadpool_limits(resolved["trainer.threads"]):
        estimator = module.build(settings, shape, resolved["seed"])
        try:
            fit_in_place(estimator, train.features, train.targets)
        except ValueError as error:
            raise UserError(f"{resolved.name}: model {choice}: {error}") from error
        outputs = estimators.FAMILY.predict(estimator, train.features, shape)
        loss = shape.task.loss(train.targets, outputs)
    values = {"train/loss": significant(loss)}
    task.observe(0, values)
    return Fitted(estimator, [{"epoch": 0, **values}])


TRAINING = Training(prepare, fit)
