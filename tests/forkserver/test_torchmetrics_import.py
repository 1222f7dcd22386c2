"""Lightning without what only torchmetrics' metrics of sound and texts need."""

import json
import subprocess
import sys

import pytest

from checkouts import ROOT

HEAVY = ("transformers", "scipy.signal")


def told(code: str) -> dict[str, bool | str]:
    """What Python code prints as JSON last, in a process of its own."""
    begin = (
        "import json, sys\n"
        "from plait.forkserver.torchmetrics_import import import_torchmetrics\n"
        f"def loaded(): return {{name: name in sys.modules for name in {HEAVY!r}}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", begin + code],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, bool | str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_lightning_imports_neither_and_both_are_there_when_they_are_asked_for() -> None:
    assert told(
        "import_torchmetrics()\n"
        "import lightning.pytorch\n"
        "before = loaded()\n"
        "from torchmetrics import Metric\n"
        "from torchmetrics.functional.text import bert\n"
        "later = bert.AutoModel.from_pretrained\n"
        "import scipy.signal, transformers\n"
        "assert later == transformers.AutoModel.from_pretrained\n"
        "scipy.signal.detrend([1.0, 2.0])\n"
        "print(json.dumps(before))\n"
    ) == dict.fromkeys(HEAVY, False)


@pytest.mark.slow
def test_what_is_imported_already_stays_and_a_version_that_takes_more_is_imported_whole() -> None:
    code = (
        "import types\n"
        "import plait.forkserver.torchmetrics_import as subject\n"
        "subject.STAND_INS = {'transformers': ()}\n"
        "import scipy.signal\n"
        "mine = sys.modules['scipy.signal']\n"
        "import_torchmetrics()\n"
        "assert sys.modules['scipy.signal'] is mine\n"
        "import torchmetrics\n"
        "assert torchmetrics.functional.text.bert.AutoModel.__module__.startswith('transformers')\n"
        "print(json.dumps(loaded()))\n"
    )
    assert told(code) == dict.fromkeys(HEAVY, True)
