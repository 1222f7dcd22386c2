"""What syntax trees cannot see changes no number: hash seeds, locales, time zones."""

import shutil
import sys
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project

EXPERIMENT = """\
# @package _global_
description: Prices by region, stratified, with dates and words
defaults:
  - override /data: table
  - override /model: decision_tree
data:
  path: data/raw/prices.csv
  target: dear
  task: classification
  split: {by: stratified, val: 0.2, test: 0.25}
evaluation: {resamples: 20}
"""

SURROUNDINGS = {
    "plain": {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    "another hash seed, zone and locale": {
        "PYTHONHASHSEED": "4242",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "de_DE.UTF-8",
        "LANG": "tr_TR.UTF-8",
    },
}


def prices() -> str:
    regions = ("Nord", "Süd", "Ost", "İzmir")
    rows = [
        f"{regions[n % 4]},2024-{1 + n % 12:02d}-{1 + n % 28:02d}T23:30:00,{n % 17 / 3:.4f},"
        f"{'yes' if (n * 7) % 17 > 8 else 'no'}\n"
        for n in range(160)
    ]
    return "region,day,size,dear\n" + "".join(rows)


def left(checkout: Checkout) -> dict[str, bytes]:
    (trial,) = (checkout.root / "outputs" / "prices").iterdir()
    (data,) = (checkout.root / ".plait" / "data").iterdir()
    files = [*data.iterdir(), *(trial / "model").iterdir(), *(trial / "evaluation").iterdir()]
    files += [trial / "metrics.json", trial / "curves.csv"]
    return {path.relative_to(checkout.root).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
def test_hash_seed_locale_and_zone_change_no_byte(tmp_path: Path) -> None:
    checkout = copy_project(tmp_path / "project")
    (checkout.root / "conf" / "experiment" / "prices.yaml").write_text(EXPERIMENT)
    (checkout.root / "data" / "raw" / "prices.csv").write_text(prices(), encoding="utf-8")
    found = {}
    for name, surroundings in SURROUNDINGS.items():
        for folder in ("outputs", ".plait", "mlruns"):
            shutil.rmtree(checkout.root / folder, ignore_errors=True)
        environment = {"PYTHONPATH": str(checkout.root / "src"), **surroundings}
        program = "from plait.cli import main; main()"
        command = (sys.executable, "-c", program, "run", "experiment=prices")
        checkout.run(*command, env=environment)
        found[name] = left(checkout)
    plain = found.pop("plain")
    assert len(plain) >= 8
    for name, other in found.items():
        assert other == plain, name
