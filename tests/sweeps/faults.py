"""A model of a copied checkout that fails as it is told."""

from checkouts import Checkout

MODEL = '''
"""A linear map that fails when it is built."""

import os
import signal
import sys
import time
from typing import Literal

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting


class Settings(NetworkSettings):
    """``model: faulty``."""

    fault: Literal["none", "raise", "exit", "kill", "memory", "sleep"] = setting("what goes wrong")


def build(settings: Settings, shape: Shape):
    """(rows, inputs) to (rows,)."""
    from plait.models.network import dense

    if settings.fault == "raise":
        raise ZeroDivisionError("a fault that was planted")
    if settings.fault == "exit":
        sys.exit(3)
    if settings.fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if settings.fault == "memory":
        raise MemoryError("cannot allocate")
    if settings.fault == "sleep":
        time.sleep(600)
    return dense(shape, hidden=[], bias=True)
'''

SMALL = ("trainer.max_epochs=2", "evaluation.resamples=20", "data.samples=100")
"""Overrides that make a trial of linear_regression quick."""


def plant_faulty_model(checkout: Checkout) -> None:
    """Give the checkout a choice ``model: faulty`` with a field ``fault``."""
    (checkout.root / "src/plait/models/faulty.py").write_text(MODEL, encoding="utf-8")
    (checkout.root / "conf/model/faulty.yaml").write_text("fault: none\n", encoding="utf-8")
