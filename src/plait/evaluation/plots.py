"""The plots of an evaluation, as PNG files that are equal byte for byte when rebuilt."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Dataset
from plait.evaluation.fonts import families
from plait.evaluation.notation import percent
from plait.evaluation.settings import Plots

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.dates import AutoDateLocator
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with every kind of colour vision; ink and grid are neutral.
BLUE, VERMILION, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
INK, MUTED, GRID = "#1f2933", "#6b7785", "#e3e8ee"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, SKY, "#E69F00", "#000000")

STYLE: dict[str, Any] = {
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 2,
    "figure.constrained_layout.use": True,
}

LARGEST_LABELLED = 20
"""Classes up to which a confusion matrix has its counts written into its cells."""

ROC_CURVES = len(SERIES)
"""Classes up to which each gets a ROC curve of its own."""

PANELS = 6
"""Groups up to which each gets a panel over time."""


def draw(
    folder: Path,
    evaluation: dict[str, Any],
    truth: "np.ndarray",
    prediction: "np.ndarray",
    test: "pd.DataFrame",
    dataset: Dataset,
    settings: Plots,
    curves: "pd.DataFrame",
) -> list[dict[str, str]]:
    """Draw what fits the task, into ``folder``.

    :param folder: is made; a plot's ``file`` is given relative to its parent.
    :param evaluation: the numbers, as in ``evaluation.json``.
    :param truth: as `plait.evaluation.evaluate.target` gives it.
    :param prediction: as `TrainedModel.predict` gives it.
    :param test: the test part.
    :param dataset: its description.
    :param settings: how plots look.
    :param curves: a row an epoch.
    :returns: by plot: ``file``, ``title``, ``alt``.
    """
    canvas = Canvas(folder, settings)
    _compare(canvas, evaluation)
    if len(curves) > 1:
        _learning_curves(canvas, curves)
    if dataset.task == "regression":
        unit = next(column.unit for column in dataset.columns if column.role == "target")
        _predicted_against_true(canvas, truth, prediction, dataset.target, unit)
        _residuals(canvas, truth, prediction, dataset.target, unit)
    else:
        if evaluation["confusion"] is not None:
            _confusion(canvas, evaluation["confusion"])
        _roc(canvas, truth, prediction, dataset)
    if dataset.names("time"):
        _over_time(canvas, truth, prediction, test, dataset)
    return canvas.drawn


def evenly(rows: int, most: int) -> "np.ndarray":
    """Evenly chosen row numbers, first and last among them; all where ``rows <= most``."""
    import numpy as np

    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))


def date_locator() -> "AutoDateLocator":
    """Two to five ticks for any span of time.

    Matplotlib's steps reach half of the next larger unit, so that it finds none, and warns, where
    the most ticks are fewer than twice the least and one.
    """
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(minticks=2, maxticks=5)


class Canvas:
    """Opens figures of one look and writes them."""

    def __init__(self, folder: Path, settings: Plots) -> None:
        self._folder = folder
        self.settings = settings
        self.drawn: list[dict[str, str]] = []
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def figure(
        self, name: str, title: str, alt: str, height: float = 1.0, square: bool = False
    ) -> Iterator["Figure"]:
        """A figure that is written to ``name.png`` at the end.

        :param height: as a multiple of the configured one.
        :param square: as wide as high.
        """
        import matplotlib.style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        high = self.settings.height * height
        # From matplotlib's own defaults, so that no matplotlibrc of the machine shows.
        with matplotlib.style.context(["default", STYLE, {"font.family": families()}]):
            # A Figure outside pyplot belongs to nobody else: it is gone with its last reference.
            figure = Figure(figsize=(high if square else self.settings.width, high))
            FigureCanvasAgg(figure)
            yield figure
            figure.savefig(
                self._folder / f"{name}.png",
                dpi=self.settings.dpi,
                metadata={"Software": None},
            )
        file = f"{self._folder.name}/{name}.png"
        self.drawn.append({"file": file, "title": title, "alt": alt})


def _compare(canvas: Canvas, evaluation: dict[str, Any]) -> None:
    """The primary metric of the model and its baselines, with intervals."""
    primary = evaluation["primary"]
    entry = evaluation["metrics"][primary]
    rows = [("this model", entry, BLUE)]
    rows += [
        (other["title"], other["metrics"][primary], MUTED)
        for other in evaluation["baselines"].values()
    ]
    rows = [row for row in rows if row[1]["value"] is not None]
    if not rows:
        return
    wish = "lower is better" if entry["direction"] == "minimize" else "higher is better"
    with canvas.figure(
        "comparison",
        f"{entry['title']} beside the baselines",
        f"{entry['title']} of the model and of each baseline, with"
        f" {percent(evaluation['level'])} intervals; {wish}",
        height=0.4 + 0.13 * len(rows),
    ) as figure:
        axes = figure.add_subplot()
        for place, (_, measured, colour) in enumerate(rows):
            axes.plot(measured["value"], place, "o", color=colour, markersize=9)
            if measured["low"] is not None:
                axes.plot(
                    (measured["low"], measured["high"]),
                    (place, place),
                    color=colour,
                    linewidth=3,
                    solid_capstyle="butt",
                )
        values = [measured["value"] for _, measured, _ in rows]
        if min(values) > 0 and max(values) > 50 * min(values):
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=5)
        axes.set_yticks(range(len(rows)), [_wrapped(title) for title, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set(
            xlabel=f"{entry['title']} ({wish})", title=f"{entry['title']} beside the baselines"
        )


def _learning_curves(canvas: Canvas, curves: "pd.DataFrame") -> None:
    from matplotlib.ticker import MaxNLocator

    losses = [name for name in ("train/loss", "val/loss") if name in curves]
    with canvas.figure(
        "learning_curves",
        "Learning curves",
        "The loss after each epoch: " + ", ".join(losses),
    ) as figure:
        axes = figure.add_subplot()
        # Many checkpoints' worth of epochs need no more points than rows of a scatter do.
        shown = curves.iloc[evenly(len(curves), canvas.settings.max_points)]
        looks = {"train/loss": ("training", BLUE, "-"), "val/loss": ("validation", VERMILION, "--")}
        for name in losses:
            label, colour, dashes = looks[name]
            axes.plot(shown["epoch"], shown[name], dashes, color=colour, label=label)
        values = curves[losses].to_numpy(float)
        if (values > 0).all() and values.max() > 20 * values.min():
            axes.set_yscale("log")
        axes.set(xlabel="Epoch", ylabel="Loss", title="Learning curves")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(losses) > 1:
            axes.legend()


def _predicted_against_true(
    canvas: Canvas, truth: "np.ndarray", prediction: "np.ndarray", name: str, unit: str
) -> None:
    with canvas.figure(
        "predicted_against_true",
        "Predicted against true",
        f"Each test row's predicted {name} over its true one; perfect predictions lie on the line",
        height=1.2,
        square=True,
    ) as figure:
        axes = figure.add_subplot()
        chosen = evenly(len(truth), canvas.settings.max_points)
        _scatter(axes, truth[chosen], prediction[chosen])
        ends = (min(truth.min(), prediction.min()), max(truth.max(), prediction.max()))
        axes.plot(ends, ends, color=VERMILION, linewidth=1.5, label="perfect")
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(
            xlabel=_labelled(f"True {name}", unit),
            ylabel=_labelled(f"Predicted {name}", unit),
            title="Predicted against true",
        )
        axes.legend(loc="upper left")


def _residuals(
    canvas: Canvas, truth: "np.ndarray", prediction: "np.ndarray", name: str, unit: str
) -> None:
    with canvas.figure(
        "residuals",
        "Residuals",
        f"True less predicted {name}, over the prediction, and how often each size occurs;"
        " good residuals scatter evenly around zero",
    ) as figure:
        scatter, histogram = figure.subplots(1, 2, width_ratios=(3, 1), sharey=True)
        residual = truth - prediction
        chosen = evenly(len(truth), canvas.settings.max_points)
        _scatter(scatter, prediction[chosen], residual[chosen])
        scatter.axhline(0, color=VERMILION, linewidth=1.5)
        scatter.set(
            xlabel=_labelled(f"Predicted {name}", unit),
            ylabel=_labelled("True less predicted", unit),
            title="Residuals",
        )
        histogram.hist(
            residual,
            bins=min(40, max(5, len(residual) // 10)),
            orientation="horizontal",
            color=BLUE,
            alpha=0.75,
        )
        histogram.axhline(0, color=VERMILION, linewidth=1.5)
        histogram.set_xlabel("Rows")
        histogram.grid(axis="y", visible=False)
        scatter.locator_params(axis="x", nbins=5)
        histogram.locator_params(axis="x", nbins=2)


def _confusion(canvas: Canvas, confusion: dict[str, Any]) -> None:
    import numpy as np

    labels, counts = confusion["labels"], np.array(confusion["counts"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    longest = max(len(label) for label in labels)
    with canvas.figure(
        "confusion",
        "Confusion matrix",
        "How many test rows of each actual class were predicted as each class;"
        " right predictions are on the diagonal",
        height=min(2.0, 1.0 + 0.05 * len(labels)),
    ) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        if len(labels) <= LARGEST_LABELLED:
            for (row, column), count in np.ndenumerate(counts):
                dark = shares[row, column] > 0.55
                axes.text(
                    column,
                    row,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    color="white" if dark else (INK if count else "#b4bdc7"),
                    fontsize=14 if len(labels) <= 4 else 10,
                )
            rotation = 45 if longest > 4 and len(labels) > 3 else 0
            axes.set_xticks(
                range(len(labels)), labels, rotation=rotation, ha="right" if rotation else "center"
            )
            axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel="Predicted class", ylabel="Actual class", title="Confusion matrix")
        bar = figure.colorbar(image, ax=axes, shrink=0.9)
        bar.set_label("Share of the actual class")
        bar.outline.set_visible(False)


def _roc(canvas: Canvas, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> None:
    import numpy as np
    from sklearn.metrics import roc_curve

    actual = truth == 1 if truth.ndim == 2 else np.eye(len(dataset.classes), dtype=bool)[truth]
    if not actual.any(axis=0).all() or actual.all(axis=0).any():
        return  # Without rows of every class, and others, there is no such curve.
    with canvas.figure(
        "roc",
        "ROC curve",
        "The share of a class that is found over the share of other rows that are taken for it,"
        " as the threshold moves; the diagonal is guessing",
        height=1.2,
        square=True,
    ) as figure:
        axes = figure.add_subplot()
        axes.plot((0, 1), (0, 1), color=MUTED, linewidth=1.2, linestyle="--", label="guessing")
        if len(dataset.classes) == 2 and dataset.task == "classification":
            false, true, _ = roc_curve(actual[:, 1], prediction[:, 1])
            axes.plot(false, true, color=BLUE, label=f"class {dataset.classes[1]}")
        elif len(dataset.classes) <= ROC_CURVES:
            for number, label in enumerate(dataset.classes):
                false, true, _ = roc_curve(actual[:, number], prediction[:, number])
                axes.plot(false, true, color=SERIES[number], label=f"{label} against the rest")
        else:
            false, true, _ = roc_curve(actual.ravel(), prediction.ravel())
            axes.plot(false, true, color=BLUE, label="all classes together (micro average)")
        axes.set_aspect("equal")
        axes.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            xlabel="False positive rate",
            ylabel="True positive rate",
            title="ROC curve",
        )
        axes.legend(loc="lower right")


def _over_time(
    canvas: Canvas,
    truth: "np.ndarray",
    prediction: "np.ndarray",
    test: "pd.DataFrame",
    dataset: Dataset,
) -> None:
    """Prediction and truth over time, beside the price where there is one; a row a group."""
    import numpy as np
    import pandas as pd
    from matplotlib.dates import ConciseDateFormatter

    (time,) = dataset.names("time")
    price = "close" if "close" in dataset.names("extra") else None
    names = dataset.names("group") or [name for name in dataset.names("extra") if name == "ticker"]
    groups = test[names[0]].astype(str).to_numpy() if names else np.full(len(test), "")
    shown: list[str] = sorted(set(groups.tolist()))[:PANELS]
    days = pd.to_datetime(test[time]).to_numpy()
    classes = dataset.classes
    if dataset.task == "regression":
        line, actual, label = prediction, truth, dataset.target
    else:
        line, actual, label = prediction[:, -1], truth == len(classes) - 1, f"P({classes[-1]})"
    of_price = "Price and prediction" if price else "Prediction"
    title = f"{of_price} over time"
    with canvas.figure(
        "over_time",
        title,
        f"{of_price} of {dataset.target} on the test part's days"
        + (f", for {', '.join(shown)}" if names else ""),
        height=max(1.0, 0.42 * len(shown) + 0.25),
    ) as figure:
        panels = figure.subplots(
            len(shown),
            2 if price else 1,
            sharex=True,
            squeeze=False,
            width_ratios=(2, 3) if price else None,
        )
        for group, row in zip(shown, panels, strict=True):
            (places,) = np.nonzero(groups == group)
            places = places[np.argsort(days[places], kind="stable")]
            places = places[evenly(len(places), canvas.settings.max_points)]
            if price:
                row[0].plot(days[places], test[price].to_numpy()[places], color=INK, linewidth=1.3)
                row[0].set_ylabel(group)
            axes = row[-1]
            if dataset.task == "regression":
                axes.plot(
                    days[places], actual[places], color="#aeb8c3", linewidth=0.8, label="actual"
                )
            else:
                axes.axhline(0.5, color=MUTED, linewidth=1, linestyle="--")
            axes.plot(days[places], line[places], color=BLUE, linewidth=1.5, label="predicted")
            if not price and group:
                axes.set_ylabel(group)
        if price:
            panels[0][0].set_title("Price")
        panels[0][-1].set_title(textwrap.shorten(label, 28, placeholder="…"))
        if dataset.task == "regression":
            handles, texts = panels[0][-1].get_legend_handles_labels()
            figure.legend(handles, texts, loc="outside lower right", ncols=2)
        for axes in panels[-1]:
            locator = date_locator()
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _scatter(axes: "Axes", x: "np.ndarray", y: "np.ndarray") -> None:
    """Points that stay readable from ten rows to thousands."""
    small = len(x) > 400
    axes.plot(
        x,
        y,
        "o",
        color=BLUE,
        markersize=3 if small else 5,
        alpha=0.35 if small else 0.6,
        markeredgewidth=0,
    )


def _labelled(text: str, unit: str) -> str:
    return f"{text} ({unit})" if unit else text


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 22))
