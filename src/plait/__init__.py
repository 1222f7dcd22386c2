"""plait: Hydra, DVC, Lightning and MLflow, interlaced by one configuration.

The public face. These names stay; everything else may move:

- recorded runs, as in a notebook: `load` gives a `RecordedRun`, whose model is a `TrainedModel`;
- what is wrong, in a line or two: `UserError`, and of a configuration `ConfigurationError`;
- a choice of one's own has `Settings` of fields made by `setting`;
- a source of data: `SourceSettings`, `Source`, `Column`, `Split`, `assign`;
- a model: `NetworkSettings` or `EstimatorSettings`, `Shape`, `SqueezeOutput`;
- an objective: `ObjectiveSettings`, `Objective`, `Batch`;
- a callback: `CallbackSettings`;
- a metric: the decorator `metric`.

CONTRIBUTING shows one of each. Importing plait imports none of them.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from plait import loaded

if TYPE_CHECKING:
    from plait.data.base import SourceSettings as SourceSettings
    from plait.data.dataset import Column as Column
    from plait.data.dataset import Source as Source
    from plait.data.splits import Split as Split
    from plait.data.splits import assign as assign
    from plait.errors import ConfigurationError as ConfigurationError
    from plait.errors import UserError as UserError
    from plait.evaluation.metrics import metric as metric
    from plait.models.base import EstimatorSettings as EstimatorSettings
    from plait.models.base import NetworkSettings as NetworkSettings
    from plait.models.base import Shape as Shape
    from plait.models.network import SqueezeOutput as SqueezeOutput
    from plait.models.trained import TrainedModel as TrainedModel
    from plait.objectives.base import Batch as Batch
    from plait.objectives.base import Objective as Objective
    from plait.objectives.base import ObjectiveSettings as ObjectiveSettings
    from plait.settings import Settings as Settings
    from plait.settings import setting as setting
    from plait.tracking.query.load import load as load
    from plait.tracking.query.run import RecordedRun as RecordedRun
    from plait.training.callbacks.base import CallbackSettings as CallbackSettings
else:

    def __getattr__(name: str) -> Any:
        from plait.public import PUBLIC

        # By name, so that a stage that imports plait reaches none of this by it.
        if name in PUBLIC:
            return getattr(import_module(PUBLIC[name]), name)
        raise AttributeError(f"module 'plait' has no attribute {name!r}")


def __dir__() -> list[str]:
    from plait.public import PUBLIC

    return [*globals(), *PUBLIC]


# First of all, so that it is known of every other module what was loaded.
loaded.begin(sys._getframe())
