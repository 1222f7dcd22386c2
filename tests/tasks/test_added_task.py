"""A kind of task is added by files of its own and at most three entries in files that exist."""

import json
from pathlib import Path

import pandas as pd
import pytest

from checkouts import Checkout

from .added import FAMILY, PAIR, RANKING


def add(checkout: Checkout, files: dict[str, str], task: str, experiment: str) -> None:
    checkout.edit("src/plait/tasks/registry.py", '"multilabel")', f'"multilabel", "{task}")')
    checkout.list_experiments({experiment: {}})
    for path, text in files.items():
        assert not (checkout.root / path).exists()
        checkout.append(path, text)


def changed(checkout: Checkout) -> list[str]:
    """Files that were there before and were edited."""
    return checkout.run("git", "diff", "--name-only").stdout.split()


def evaluation_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    return found


@pytest.mark.slow
def test_lists_for_people_from_tables_of_items(checkout: Checkout) -> None:
    add(checkout, RANKING, "ranking", "shop")
    checkout.edit("src/plait/config/registry.py", "        Family(\n", f"{FAMILY}        Family(\n")
    assert len(changed(checkout)) == 3
    checkout.commit("a ranking")
    checkout.run("dvc", "repro")

    results = checkout.root / "results" / "shop"
    evaluation = evaluation_of(results)
    assert evaluation["primary"] == "recall_at_3"
    assert evaluation["resampled"] == {"unit": "rows", "units": 15}
    # Half of the items are of the other taste, and are never shown.
    assert evaluation["metrics"]["recall_at_3"]["value"] > 0.9
    assert evaluation["verdict"]["better_than_naive"]
    rows = pd.read_parquet(results / "evaluation" / "predictions.parquet")
    assert [len(items) for items in rows["prediction"]] == [3] * 15
    assert rows.loc[0, "prediction"][0].startswith("item")
    assert len(pd.read_parquet(checkout.root / "data/generated/shop/tables/items.parquet")) == 12
    assert "identical" in checkout.plait("rebuild", "shop").stdout


@pytest.mark.slow
def test_two_targets_of_different_kinds_and_missing_labels(checkout: Checkout) -> None:
    add(checkout, PAIR, "price_and_kind", "flats")
    assert len(changed(checkout)) == 2
    checkout.commit("two targets")
    checkout.run("dvc", "repro")

    results = checkout.root / "results" / "flats"
    evaluation = evaluation_of(results)
    assert list(evaluation["metrics"]) == ["price_mae", "kind_accuracy"]
    rows = pd.read_parquet(results / "evaluation" / "predictions.parquet")
    assert rows["truth"].isna().any()
    assert set(rows["prediction_kind"]) <= {"large", "small"}
    assert rows["prediction"].notna().all()
    assert "identical" in checkout.plait("rebuild", "flats").stdout
