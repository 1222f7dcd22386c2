"""A stage is added by its module, an entry of the table, one in ``dvc.yaml`` and its group."""

import json
import re
from pathlib import Path

import pytest

from checkouts import Checkout

ENTRY = """\
    Stage(
        "compress",
        groups=(Group("compression", "plait.compression"),),
        inputs=("model",),
        outputs=(Output("compressed", "compressed", mark="compressed.json"),),
        unless_null=("compression",),
        in_identity=True,
        loads=("model",),
        family=("inputs", "models"),
    ),
"""

IN_DVC = """\
  compress:
    foreach: ${experiments}
    do:
      desc: Smaller model of ${key}
      cmd: PYTHONPATH=$PWD/src python -m plait.pipeline.compress ${key}
      params:
        - resolved/${key}.yaml:
            - compression
            - code.compress
            - packages.compress
      deps:
        - results/${key}/model
      outs:
        - results/${key}/compressed

"""

NEW = {
    "conf/compression/rounded.yaml": "decimals: 2\n",
    "src/plait/compression/__init__.py": '"""Smaller models."""\n',
    "src/plait/compression/rounded.py": '''"""Numbers with fewer digits."""

from plait.settings import Settings as Base
from plait.settings import setting


class Settings(Base):
    """How many digits stay."""

    decimals: int = setting("digits behind the point", ge=0)


def compressed(settings: Settings, value: float) -> float:
    """The number that stays."""
    return round(value, settings.decimals)
''',
    "src/plait/pipeline/compress.py": '''"""Stage `compress`: the trained model, smaller."""

from plait.artifacts import write_json
from plait.workspace import Outputs, Workspace
from plait.config.registry import module_of, settings_of
from plait.config.resolved import Resolved
from plait.models.trained import TrainedModel
from plait.pipeline.entry import run_stage


def compress(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs["compressed"]``."""
    left = {"compression": None}
    if resolved["compression"] is not None:
        choice = resolved.choice("compression")
        settings = settings_of("compression", choice)(**resolved.settings("compression"))
        TrainedModel.load(outputs["model"])
        left = {"compression": module_of("compression", choice).compressed(settings, 2 / 3)}
    write_json(outputs["compressed"] / "compressed.json", left)


if __name__ == "__main__":
    run_stage(compress)
''',
}


def add_stage(checkout: Checkout) -> None:
    checkout.edit(
        "src/plait/pipeline/stages.py",
        '    Stage(\n        "evaluate"',
        f'{ENTRY}    Stage(\n        "evaluate"',
    )
    checkout.edit("dvc.yaml", "  evaluate:\n", f"{IN_DVC}  evaluate:\n")
    for path, text in NEW.items():
        checkout.append(path, text)
    checkout.commit("a stage")


def compressed(folder: Path) -> float | None:
    left = json.loads((folder / "compressed" / "compressed.json").read_text(encoding="utf-8"))
    value: float | None = left["compression"]
    return value


@pytest.mark.slow
def test_it_runs_by_every_way(checkout: Checkout) -> None:
    small = {"data": {"samples": 60}, "evaluation": {"resamples": 20}}
    checkout.list_experiments(
        {
            "least_squares": {**small, "compression": "rounded"},
            "linear_regression": {**small, "trainer": {"max_steps": 2}},
        }
    )
    add_stage(checkout)

    assert "Running stage 'compress@least_squares'" in checkout.run("dvc", "repro").stdout
    assert compressed(checkout.root / "results" / "least_squares") == 0.67
    assert compressed(checkout.root / "results" / "linear_regression") is None

    why = checkout.plait("why", "least_squares").stdout
    assert len(re.findall("up to date", why)) == 7, why
    checkout.list_experiments(
        {"least_squares": {**small, "compression": {"choice": "rounded", "decimals": 1}}}
    )
    why = checkout.plait("why", "least_squares").stdout
    assert "compress  runs: compression.decimals 2 -> 1" in why
    ran = re.findall(r"Running stage '(\w+)@", checkout.run("dvc", "repro").stdout)
    assert ran == ["compress", "record"]

    checkout.plait(
        *("run", "experiment=least_squares", "compression=rounded", "compression.decimals=4"),
        *("data.samples=60", "evaluation.resamples=20"),
    )
    (done,) = checkout.root.glob("outputs/least_squares/*/compressed")
    assert compressed(done.parent) == 0.6667
    told = checkout.plait("rebuild", "least_squares").stdout
    assert re.search(r"^compress +[0-9.]+ s$", told, re.MULTILINE)
    assert "identical" in told
