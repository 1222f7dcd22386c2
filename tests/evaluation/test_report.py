"""The pages: self-contained, and without a number of their own."""

import ast
import inspect
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from plait.config.resolved import Resolved
from plait.evaluation import report
from plait.evaluation.notation import readable
from plait.evaluation.report import IndexRow, render, render_index
from plait.workspace import Outputs

from .conftest import CURVES, Case, FakeModel, by_centre, classes_case, linear_case, run, true_model

FACTS = {"run": "lr=0.1", "run_link": "http://127.0.0.1:5000/#/runs/1", "cost": "3.5 s"}


def resolved(**changes: Any) -> Resolved:
    values = {
        "name": "planted",
        "description": "A planted experiment with <b>markup</b>.",
        "label": "",
        "identity": "abc",
        "seed": 7,
        "data": {"choice": "synthetic", "split": {"test": 0.2}},
        "model": {"choice": "mlp", "hidden_sizes": [64, 32], "dropout": None},
        "schedule": None,
        "code": {"train": "feed1234"},
    }
    return Resolved({**values, **changes})


class Page(HTMLParser):
    """What a page asks for, and the cells of its tables by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.requested: list[str] = []
        self.tags: set[str] = set()
        self.cells: dict[str, list[str]] = {}
        self._section = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attributes)
        self.requested += [found[key] or "" for key in ("src", "srcset") if key in found]
        if tag == "link":
            self.requested.append(found["href"] or "")
        if tag == "section":
            self._section = found.get("id") or ""
        if tag in ("td", "small"):
            self._inside = True
            self.cells.setdefault(self._section, []).append("")
        if tag == "span":
            self._inside = False

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "small"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[self._section][-1] += data


def page_of(case: Case, evaluation: dict[str, Any]) -> str:
    return render(resolved(), case.dataset, evaluation, case.outputs.results, FACTS)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, dict[str, Any]]]:
    """A page of a regression and one of a classification, with their evaluations."""
    folder = tmp_path_factory.mktemp("pages")
    linear = linear_case(Outputs(folder / "data", folder / "linear"))
    first = run(linear, true_model(), CURVES, resamples=20)
    case = classes_case(Outputs(folder / "data", folder / "classes"), ("a", "b", "c"))
    second = run(case, FakeModel(by_centre(3)), CURVES, resamples=20)
    return [(page_of(linear, first), first), (page_of(case, second), second)]


def test_a_page_asks_for_nothing_from_outside(pages: list[tuple[str, dict[str, Any]]]) -> None:
    index = render_index([IndexRow.of("planted", "x", pages[0][1], "planted.html", "http://x/")])
    for text in (pages[0][0], pages[1][0], index):
        page = Page(text)
        assert all(address.startswith("data:") for address in page.requested)
        assert not {"script", "iframe", "object", "embed"} & page.tags
        assert "@import" not in text
        assert "url(" not in text


def numbers(value: Any) -> set[str]:
    """Every number in an evaluation, as a page writes it."""
    if isinstance(value, dict):
        return set().union(*map(numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(numbers, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return set()
    return {readable(value)}


def test_every_number_shown_comes_from_the_evaluation(
    pages: list[tuple[str, dict[str, Any]]],
) -> None:
    pattern = re.compile(
        "(?<![A-Za-z0-9])\N{MINUS SIGN}?[0-9][0-9,]*(?:\\.[0-9]+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
    )
    seen = 0
    for text, evaluation in pages:
        cells = Page(text).cells
        known = numbers(evaluation)
        for section in ("metrics", "coefficients", "classes", "confusion", "calibration"):
            for cell in cells.get(section, []):
                found = set(pattern.findall(cell))
                assert found <= known | {"1"} if "F1" in cell else found <= known, cell
                seen += len(found)
        for entry in evaluation["metrics"].values():
            assert readable(entry["value"]) in text
            assert readable(entry["low"]) in text
        assert evaluation["verdict"]["text"].split(".")[0] in text.replace("&#39;", "'")
    assert seen > 80


def test_the_page_shows_what_was_run_on_what(pages: list[tuple[str, dict[str, Any]]]) -> None:
    text = pages[0][0]
    for shown in (
        "planted",
        "&lt;b&gt;markup",
        "[64, 32]",
        "split.test",
        "CC0-1.0",
        "feed1234",
        "a seeded generator",
        "metres",
        "3.5 s",
        'href="http://127.0.0.1:5000/#/runs/1"',
    ):
        assert shown in text, shown
    assert "<b>markup" not in text


@pytest.mark.slow
def test_a_bad_verdict_stands_on_the_page_and_in_the_index(market: Case) -> None:
    evaluation = run(market, FakeModel(lambda frame: frame.signal.to_numpy()), resamples=20)
    text = page_of(market, evaluation)
    assert "Not better than predicting zero" in text
    assert 'class="verdict good"' not in text
    row = IndexRow.of("planted", "x", evaluation, "planted.html")
    assert (row.baseline, row.better) == ("predicting zero", False)
    index = render_index([row])
    assert "Not better than predicting zero" in index
    assert "0 better than every" in index


def test_an_empty_index_says_so() -> None:
    assert "No experiment has been recorded yet" in render_index([])


def test_pages_are_equal_when_rendered_again(linear: Case) -> None:
    evaluation = run(linear, true_model(), resamples=20)
    assert page_of(linear, evaluation) == page_of(linear, evaluation)


def test_editing_metrics_or_baselines_does_not_touch_the_report() -> None:
    tree = ast.parse(inspect.getsource(report))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in imported if module and module.startswith("plait.evaluation")}
    assert ours == {"plait.evaluation.entries", "plait.evaluation.notation"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (None, "\N{EN DASH}"),
        (1234567, "1,234,567"),
        (0.0098123, "0.009812"),
        (-5273.4, "\N{MINUS SIGN}5273"),
        (123456.7, "123,457"),
        (1e-7, "1.000·10⁻⁷"),
        (1.0, "1"),
        (0.99999934, "0.9999993"),
    ],
)
def test_numbers_are_written_for_people(value: float | None, written: str) -> None:
    assert readable(value) == written
