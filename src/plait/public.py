"""What others may import: each name of plait's public face, and the module that defines it.

A module of this package imports from where a name is defined.
"""

PUBLIC: dict[str, str] = {
    "load": "plait.tracking.query.load",
    "RecordedRun": "plait.tracking.query.run",
    "TrainedModel": "plait.models.trained",
    "UserError": "plait.errors",
    "ConfigurationError": "plait.errors",
    "Settings": "plait.settings",
    "setting": "plait.settings",
    "SourceSettings": "plait.data.base",
    "Source": "plait.data.dataset",
    "Column": "plait.data.dataset",
    "Split": "plait.data.splits",
    "assign": "plait.data.splits",
    "NetworkSettings": "plait.models.base",
    "EstimatorSettings": "plait.models.base",
    "Shape": "plait.models.base",
    "SqueezeOutput": "plait.models.network",
    "ObjectiveSettings": "plait.objectives.base",
    "Objective": "plait.objectives.base",
    "Batch": "plait.objectives.base",
    "CallbackSettings": "plait.training.callbacks.base",
    "metric": "plait.evaluation.metrics",
}
"""A stage that imports one of these names depends on its module alone."""
