"""Figures of one look, and how they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plait.evaluation.entries import Plot
from plait.evaluation.fonts import families
from plait.evaluation.settings import Plots
from plait.json_types import Json

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with every kind of colour vision; ink and grid are neutral.
BLUE, VERMILION, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
INK, MUTED, GRID = "#1f2933", "#6b7785", "#e3e8ee"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, SKY, "#E69F00", "#000000")

STYLE: dict[str, Json] = {
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


class Canvas:
    """Opens figures of one look and writes them."""

    def __init__(self, folder: Path, settings: Plots) -> None:
        self._folder = folder
        self.settings = settings
        self.drawn: list[Plot] = []
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


def evenly(rows: int, most: int) -> "np.ndarray":
    """Evenly chosen row numbers, first and last among them; all where ``rows <= most``."""
    import numpy as np

    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))
