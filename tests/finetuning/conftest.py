"""A lab with a tiny language model, in whose checkout the tests stand."""

import os
from collections.abc import Iterator

import pytest

from finetuning.tiny import text_lab
from training.fitting import Lab
from training.lasting_ranks import lasting_ranks, two_ranks

__all__ = ["lasting_ranks", "two_ranks"]


@pytest.fixture(scope="session")
def text_labs(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return text_lab(tmp_path_factory.mktemp("texts"))


@pytest.fixture
def texts(text_labs: Lab) -> Iterator[Lab]:
    """The folder of a model is looked up from the working directory, as stages do."""
    before = os.getcwd()
    os.chdir(text_labs.root)
    yield text_labs
    os.chdir(before)
