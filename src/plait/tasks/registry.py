"""The kinds of task that there are."""

from importlib import import_module

from plait.errors import ConfigurationError
from plait.tasks.base import Task

TASKS: tuple[str, ...] = ("regression", "classification", "multilabel")
"""Each is a folder ``plait/tasks/NAME`` with ``learning.py`` and ``evaluation.py``."""


def modules_of(task: str, aspects: tuple[str, ...]) -> list[str]:
    """The modules that say ``aspects`` of a task, such as ``learning``.

    :raises ConfigurationError: if there is no such task.
    """
    if task not in TASKS:
        raise ConfigurationError(f"there is no task {task!r}; there are {', '.join(TASKS)}")
    return [f"plait.tasks.{task}.{aspect}" for aspect in aspects]


def task_named(name: str) -> Task:
    """A task by its name.

    :raises ConfigurationError: if there is none of that name.
    """
    (module,) = modules_of(name, ("learning",))
    task = import_module(module).TASK
    assert isinstance(task, Task), f"{module}.TASK is no Task"
    return task
