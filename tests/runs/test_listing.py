"""A line more in params.yaml, and nothing else."""

import pytest
import yaml

from checkouts import ROOT
from plait.config.listing import with_listed
from plait.errors import UserError

FILES = {
    "the project's own": (ROOT / "params.yaml").read_text(encoding="utf-8"),
    "no newline at the end": "experiments:\n  a: {}",
    "comments behind, between and below": (
        "# top\nexperiments:  # which\n    a:\n        optimizer: {lr: 0.1}   # slow\n\n"
        "    # b: {}\n\n# bottom\n"
    ),
    "another key below": "experiments:\n  a: {seed: 1}\nother:\n  - 1\n",
    "braces over two lines": "experiments:\n  a: {seed: 1,\n   batch_size: 3}  # both\n# bottom\n",
    "a list at the end": "experiments:\n  a:\n    data:\n      tickers:\n      - X  # x\n",
    "nothing at the end": "experiments:\n  a:\n    trainer:\n      max_steps:\n  # bottom\n",
    "a text of several lines": "experiments:\n  a:\n    description: |\n      1\n\n      2\nb: 1\n",
    "a text without newline": "experiments:\n  a:\n    description: >-\n      one\n      two",
    "a plain text of several lines": "experiments:\n  a:\n    description: one\n      two\n  # c\n",
    "an alias at the end": "x: &x {seed: 1}\nexperiments:\n  a: {}\n  b: *x  # as x\n# bottom\n",
    "letters beyond ASCII": "experiments:\n  a: {description: 'größer'}  # 🙂\n  b: {}\n# ende\n",
    "marks of a document": "---\nexperiments:\n  a: {}\n...\n",
}


@pytest.mark.parametrize("file", FILES)
def test_a_line_is_added_and_every_other_stays(file: str) -> None:
    text = FILES[file]
    before, after = text.splitlines(), with_listed(text, "new").splitlines()
    (place,) = [place for place, line in enumerate(after) if line.strip() == "new: {}"]
    assert after[:place] + after[place + 1 :] == before
    listed = yaml.safe_load(text)["experiments"]
    assert list(yaml.safe_load("\n".join(after))["experiments"].items()) == [
        *listed.items(),
        ("new", {}),
    ]


def test_it_stands_below_the_last_experiment_and_above_what_follows() -> None:
    text = FILES["comments behind, between and below"]
    assert with_listed(text, "new") == text.replace("# slow\n", "# slow\n    new: {}\n")


def test_the_ends_of_lines_stay_as_they_are() -> None:
    text = "experiments:\r\n  a: {}\r\n# bottom\r\n"
    assert with_listed(text, "new") == "experiments:\r\n  a: {}\r\n  new: {}\r\n# bottom\r\n"


@pytest.mark.parametrize("text", ["experiments: {a: {}}\n", "experiments:\n  {a: {},\n   b: {}}\n"])
def test_braces_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UserError, match="write it an experiment a line"):
        with_listed(text, "new")


def test_a_file_that_would_mean_something_else_is_refused() -> None:
    """The anchor's own mapping would grow, or the line land in another place."""
    text = "x: &x\n  a: {}\nexperiments: *x\ny:\n  - *x\n"
    assert yaml.safe_load(with_listed(text, "new"))["experiments"] == {"a": {}, "new": {}}
    with pytest.raises(UserError, match="no line can be added"):
        with_listed("experiments:\n  a: {}\n  new: {seed: 1}\n", "new")
