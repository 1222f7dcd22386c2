from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from plait.data.splits import Split

CONF = Path(__file__).parents[2] / "conf" / "data"
NAMES = (
    *("synthetic", "market", "table", "builtin"),
    *("text_table", "hub", "reuters", "rated_sentiment", "chinese_reviews"),
)


def test_there_are_these_sources():
    assert {path.stem for path in CONF.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_file_holds_exactly_the_keys_of_its_settings(name, settings_for):
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = settings_for(name)
    assert set(values) == set(type(settings).model_fields)
    assert settings.model_dump() == values
    assert settings.task in ("regression", "classification")
    assert all(path.startswith("data/raw/") for path in settings.files)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_file_starts_with_a_line_of_description(name):
    assert (CONF / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    ("name", "changes", "right"),
    [
        ("synthetic", {"informative": 5}, "informative 5 exceeds features 4; it must be from 1"),
        ("synthetic", {"split": {"by": "stratified"}}, "split by random, not by stratified"),
        ("synthetic", {"noise": -1.0}, "greater than or equal to 0"),
        ("synthetic", {"noise": float("nan")}, "finite"),
        ("synthetic", {"samples": "many"}, "valid integer"),
        ("synthetic", {"smaples": 3}, "Extra inputs"),
        ("synthetic", {"split": {"val": 0.5, "test": 0.5}}, "their sum must be below 1"),
        ("synthetic", {"split": {"test": 0.0}}, "greater than 0"),
        ("synthetic", {"split": {"column": "x0"}}, "uses no column"),
        ("synthetic", {"split": {"gap": 3}}, "only a split by time has a gap"),
        ("table", {"split": {"by": "group"}}, "needs `column`"),
        ("table", {"features": ["a", "a"]}, "names 'a' 2 times"),
        ("table", {"features": []}, "features is empty"),
        ("table", {"features": ["target"]}, "'target' is the target and cannot be a feature"),
        ("table", {"drop": ["target"]}, "'target' is the target and cannot be dropped"),
        ("table", {"features": ["a"], "drop": ["a"]}, "both features and drop"),
        (
            "table",
            {"split": {"by": "time", "column": "day"}, "features": ["day"]},
            "the split's column and cannot be a feature",
        ),
        ("table", {"split": {"by": "time", "column": "target"}}, "cannot be both"),
        ("table", {"types": {"target": "category"}}, "a regression's target is a number"),
        ("table", {"types": {"a": "text"}}, "'number', 'category' or 'date'"),
        ("table", {"path": "../secret.csv"}, "must lie under data/raw/"),
        ("table", {"path": "/data/raw/a.csv"}, "must lie under data/raw/"),
        ("table", {"path": "data/raw/../../a.csv"}, "must lie under data/raw/"),
        ("table", {"path": "data/raw/a.xlsx"}, "must end in .csv"),
        ("table", {"format": {"encoding": "utf-9"}}, "no encoding; try utf-8"),
        ("table", {"format": {"separator": ", "}}, "at most 1 character"),
        ("market", {"split": {"gap": 19}}, "at least the longest horizon, 20"),
        ("market", {"split": {"by": "random", "column": None, "gap": 0}}, "split.by: time"),
        ("market", {"horizons": [1, 1]}, "each once"),
        ("market", {"horizons": [0, 5]}, "1 day or more"),
        ("market", {"tickers": []}, "one or more"),
        ("market", {"tickers": ["TSLA"]}, "'AAPL', 'FB', 'GOOG', 'IBM' or 'MSFT'"),
        ("market", {"sentiment": {"path": "data/raw/a.csv"}}, "go together"),
        ("builtin", {"name": "iris"}, "'diabetes', 'breast_cancer', 'wine' or 'digits'"),
        ("builtin", {"split": {"by": "time", "column": "a"}}, "split by random or stratified"),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, changes, right, settings_for):
    with pytest.raises(ValidationError) as refusal:
        settings_for(name, **changes)
    assert right in str(refusal.value)


def test_split_settings_have_no_defaults():
    assert all(field.is_required() for field in Split.model_fields.values())
