"""What evaluation computes, how sure it is to be, and how its plots look."""

from collections.abc import Iterator, Mapping

from pydantic import field_validator

from plait.errors import ConfigurationError, did_you_mean
from plait.evaluation.metrics import metrics, of_task
from plait.json_types import Json
from plait.settings import Chosen, setting
from plait.settings import Settings as Base


class Plots(Base):
    """Whether there are plots, and how they look."""

    draw: bool = setting("whether plots are drawn, which is most of the time of a small evaluation")
    dpi: int = setting("resolution of the PNG files", unit="dots per inch", ge=50, le=400)
    width: float = setting("width of a plot", unit="inches", ge=3, le=20)
    height: float = setting("height of a plot", unit="inches", ge=2, le=20)
    max_points: int = setting(
        "most points drawn in a plot, most rows in predictions.csv", unit="rows", ge=100
    )


class ImportanceSettings(Base):
    """How the importance of the columns that a model learns from is measured."""

    repeats: int = setting("permutations of each column; 0: none is measured", ge=0, le=1000)
    max_rows: int = setting(
        "most test rows whose values are permuted, drawn where there are more", unit="rows", ge=20
    )
    max_columns: int = setting(
        "most columns of a table whose importance is measured", unit="columns", ge=1
    )


class Resamples(Base):
    """How intervals are made."""

    resamples: int = setting("bootstrap resamples behind each interval", unit="draws", ge=20)
    max_bootstrap_rows: int = setting(
        "most rows drawn for a resample; intervals of larger test parts are scaled to their size",
        unit="rows",
        ge=1000,
    )
    confidence_level: float = setting("confidence level of the intervals", ge=0.5, lt=1)
    seed: int = setting("seed of the resamples and permutations", ge=0)

    @staticmethod
    def among(section: Mapping[str, Json]) -> "Resamples":
        """Those of a recorded section ``evaluation``, which may lack keys that came later."""
        return Resamples.model_validate({key: section[key] for key in Resamples.model_fields})


class Settings(Resamples):
    """The section ``evaluation``."""

    metrics: list[str] | None = setting(
        "metrics to compute, the primary one first; null: those of the task that need not be"
        " asked for",
        min_length=1,
    )
    importance: ImportanceSettings = setting("importance of columns")
    partial_dependence: int = setting(
        "strongest columns whose partial dependence is drawn", unit="columns", ge=0, le=12
    )
    plots: Plots = setting("plots of the evaluation")

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: list[str] | None) -> list[str] | None:
        known = metrics()
        for name in names or ():
            if name not in known:
                near = did_you_mean(name, known, quoted=True) or "."
                raise ValueError(f"no metric {name!r}{near} There are: {', '.join(known)}")
        if names and len(set(names)) < len(names):
            raise ValueError("a metric is listed twice")
        return names

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Metrics of another task."""
        try:
            check(self, chosen["data"].task)
        except ConfigurationError as error:
            yield str(error)
            return
        if chosen["decision"].costs is None:
            for name in self.metrics or ():
                if metrics()[name].takes == "costs":
                    yield f"evaluation.metrics: {name!r} needs decision.costs; set them"


def check(settings: Settings, task: str) -> None:
    """Refuse metrics that do not fit the kind of target.

    :raises ConfigurationError: naming the metric and those that fit.
    """
    fitting = of_task(task)
    for name in settings.metrics or ():
        if name not in fitting:
            meant = " or ".join(metrics()[name].tasks)
            raise ConfigurationError(
                f"evaluation.metrics: {name!r} is a {meant} metric, but the task"
                f" is {task};\nfor {task}: {', '.join(fitting)}"
            )
