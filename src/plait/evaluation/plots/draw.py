"""All plots of an evaluation."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from plait.evaluation.entries import Evaluation, Plot
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.comparison import draw_comparison
from plait.evaluation.plots.learning_curves import draw_learning_curves
from plait.evaluation.plots.over_time import draw_over_time
from plait.evaluation.plots.partial_dependence import draw_partial_dependence
from plait.evaluation.settings import Plots
from plait.evaluation.task import Assessment, evaluation_of

if TYPE_CHECKING:
    import pandas as pd


def draw(
    folder: Path,
    evaluation: Evaluation,
    assessment: Assessment,
    settings: Plots,
    curves: "pd.DataFrame",
) -> list[Plot]:
    """Draw what fits the task, into ``folder``, anew.

    :param folder: is made; a plot's ``file`` is given relative to its parent.
    :param evaluation: the numbers, as in ``evaluation.json``.
    :param settings: how plots look, and whether any are drawn.
    :param curves: a row an epoch.
    :returns: by plot: ``file``, ``title``, ``alt``.
    """
    if folder.exists():
        shutil.rmtree(folder)
    canvas = Canvas(folder, settings)
    if not settings.draw:
        return []
    draw_comparison(canvas, evaluation)
    if len(curves) > 1:
        draw_learning_curves(canvas, curves)
    dataset = assessment.dataset
    task = evaluation_of(dataset.task)
    task.draw(canvas, evaluation, assessment)
    if evaluation["partial_dependence"]:
        draw_partial_dependence(canvas, evaluation["partial_dependence"])
    line = task.line(assessment.truth, assessment.prediction, dataset)
    if dataset.names("time") and line is not None:
        draw_over_time(canvas, line, assessment.test, dataset)
    return canvas.drawn
