"""Reports: one self-contained HTML page an experiment, and an index that compares them all.

A page needs no network and no script: styles and pictures are inside it.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plait.config.resolved import Resolved
from plait.data.dataset import PARTS, Dataset
from plait.evaluation.entries import Evaluation, Picture, Plot
from plait.evaluation.notation import NOTHING, percent, readable, readable_size
from plait.json_types import Json
from plait.pipeline.stages import FILES
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"

LINK = "_link"
"""A fact whose name ends so is the address of the fact without it: ``run`` and ``run_link``."""

DIGESTS = ("identity", "code", "packages", *FILES)

BESIDE_CONFIGURATION = ("name", "description", "label", *DIGESTS)
"""Keys of the resolved file that the page shows elsewhere or that are digests."""


@dataclass(frozen=True)
class IndexRow:
    """An experiment in the index."""

    name: str
    description: str
    task: str
    metric: str
    """The primary metric's title."""
    direction: str
    value: float | None
    low: float | None
    high: float | None
    baseline: str
    """The title of the naive baseline that comes out best."""
    baseline_value: float | None
    better: bool
    verdict: str
    link: str
    """Of the experiment's page, relative to the index."""
    run_link: str
    """Of the run in the tracking UI; empty for none."""

    @classmethod
    def of(
        cls, name: str, description: str, evaluation: Evaluation, link: str, run_link: str = ""
    ) -> "IndexRow":
        """The row of an experiment, from what its ``evaluation.json`` holds."""
        primary = evaluation["metrics"][evaluation["primary"]]
        defined = [
            (reached, entry["title"])
            for entry in evaluation["baselines"].values()
            if entry["naive"]
            and (reached := entry["metrics"][evaluation["primary"]]["value"]) is not None
        ]
        best = min if primary["direction"] == "minimize" else max
        value, title = best(defined, key=lambda pair: pair[0]) if defined else (None, NOTHING)
        return cls(
            name=name,
            description=description,
            task=evaluation["task"],
            metric=primary["title"],
            direction=primary["direction"],
            value=primary["value"],
            low=primary["low"],
            high=primary["high"],
            baseline=title,
            baseline_value=value,
            better=evaluation["verdict"]["better_than_naive"],
            verdict=evaluation["verdict"]["headline"],
            link=link,
            run_link=run_link,
        )


def render(
    resolved: Resolved,
    dataset: Dataset,
    evaluation: Evaluation,
    plots: Path,
    facts: dict[str, str],
) -> str:
    """The page of one experiment.

    :param resolved: its configuration.
    :param dataset: its data's description.
    :param evaluation: what ``evaluation.json`` holds; every number of results comes from here.
    :param plots: the folder that the plots' ``file`` names are relative to, ``outputs.results``.
    :param facts: of the run, in the order to show: ``run``, ``run_link``, ``commit``, ``cost``, …
        The first two also stand at the top.
    :returns: HTML.
    """
    return page(
        "experiment.html.j2",
        resolved=resolved,
        configuration=_sections(resolved),
        digests={key: resolved.values[key] for key in DIGESTS if resolved.values.get(key)},
        dataset=dataset,
        parts=[(part, dataset.parts[part]) for part in PARTS if part in dataset.parts],
        evaluation=evaluation,
        unit=next((column.unit for column in dataset.columns if column.role == "target"), ""),
        several=task_named(evaluation["task"]).several,
        plots=with_pictures(evaluation["plots"], plots),
        facts=[
            (_worded(key), value, facts.get(key + LINK, ""))
            for key, value in facts.items()
            if not key.endswith(LINK)
        ],
    )


def with_pictures(plots: Iterable[Plot], folder: Path) -> list[Picture]:
    """Plots, each with its file's content as a page holds it, under ``data``."""
    return [
        Picture(**plot, data=b64encode((folder / plot["file"]).read_bytes()).decode("ascii"))
        for plot in plots
    ]


def render_index(rows: Iterable[IndexRow]) -> str:
    """The page that compares all experiments, in the order given."""
    return page("index.html.j2", rows=list(rows))


def page(template: str, **values: object) -> str:
    """A page by the name of its template, and what that shows."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    """Made once: to compile the templates takes longer than to render them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=readable,
        percent=percent,
        size=readable_size,
        worded=_worded,
        plain=_plain,
        leaves=_leaves,
        capital=_capital,
    )
    environment.tests["address"] = _is_address
    environment.globals["NOTHING"] = NOTHING
    return environment


def _worded(key: str) -> str:
    """``weight_decay`` as ``Weight decay``."""
    return _capital(key.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Json) -> str:
    """A value of the configuration as YAML would have it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    return str(value)


def _leaves(value: Json, prefix: str = "") -> list[tuple[str, Json]]:
    """Nested mappings flat: dotted key and value."""
    if not isinstance(value, dict):
        return [(prefix, value)]
    flat = []
    for key, inner in value.items():
        flat += _leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and " " not in text


def _sections(resolved: Resolved) -> list[tuple[str, str, list[tuple[str, Json]]]]:
    """By section: its name, what was chosen for it, its values. Plain values come first."""
    single: list[tuple[str, Json]] = []
    sections = []
    for key, value in resolved.values.items():
        if key in BESIDE_CONFIGURATION or value is None:
            continue
        if isinstance(value, dict):
            chosen = str(value.get("choice", ""))
            rest = {name: inner for name, inner in value.items() if name != "choice"}
            sections.append((_worded(key), chosen, _leaves(rest)))
        else:
            single.append((key, value))
    return [("General", "", single), *sections] if single else sections
