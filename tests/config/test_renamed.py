"""Keys that had another name: errors name the new one, and what was recorded is read by it."""

from typing import Any

import pytest
import yaml

from checkouts import ROOT, Checkout
from plait.config.compose import Project
from plait.config.fields import nested
from plait.config.levels import read_yaml
from plait.config.registry import SECTIONS, choices, section_settings, settings_of
from plait.config.renamed import RENAMED, key_today, parameters_today, read_today, section_today
from plait.config.resolved import Resolved
from plait.config.why import why
from plait.errors import ConfigurationError
from plait.pipeline.stages import GROUPS
from plait.settings import Settings

CHOICES = [
    (group, choice)
    for group, definition in GROUPS.items()
    if not definition.several
    for choice in choices(ROOT / "conf", group)
]


def with_old_keys(above: str, values: dict[str, Any], cls: type[Settings]) -> dict[str, Any]:
    """Values of today as they were recorded under the old keys."""
    old = {new: before.rpartition(".")[2] for before, new in RENAMED.items()}
    found = {}
    for key, value in values.items():
        name = old.get(f"{above}.{key}", key) if key in cls.model_fields else key
        inner = nested(cls.model_fields[key]) if key in cls.model_fields else None
        whole = inner is None or not isinstance(value, dict)
        found[name] = value if whole else with_old_keys(f"{above}.{key}", value, inner)
    return found


def has(cls: type[Settings], path: list[str]) -> bool:
    first, *rest = path
    field = cls.model_fields.get(first)
    inner = None if field is None else nested(field)
    return field is not None and (not rest or (inner is not None and has(inner, rest)))


def choosing(key: str) -> str | None:
    """The override that makes a choice with a setting; None of a section without choices."""
    section, *path = key.split(".")
    if section in SECTIONS:
        assert has(section_settings(section), path)
        return None
    of = [choice for group, choice in CHOICES if group == section]
    return f"{section}={next(each for each in of if has(settings_of(section, each), path))}"


@pytest.mark.parametrize("old", RENAMED)
def test_the_error_of_every_old_key_names_the_new_one(old: str) -> None:
    chosen = choosing(RENAMED[old])
    with pytest.raises(ConfigurationError) as refused:
        Project(ROOT).compose("wine", [*([chosen] if chosen else []), f"{old}=1"])
    assert str(refused.value) == f"wine: {old} is now {RENAMED[old]} (command line)"


def test_the_error_names_the_place(checkout: Checkout) -> None:
    project = Project(checkout.root)
    with pytest.raises(ConfigurationError) as refused:
        project.compose("wine", params={"model": {"widths": [8]}})
    assert str(refused.value) == "wine: model.widths is now model.hidden_sizes (params.yaml)"
    with pytest.raises(ConfigurationError, match=r"'model.widths' not found; it is now model.hid"):
        project.compose("wine", ["batch_size=${model.widths}"])
    file = checkout.root / "conf" / "experiment" / "wine.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}trainer: {{keep: last}}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        Project(checkout.root).compose("wine")
    assert str(refused.value) == (
        "wine: trainer.keep is now trainer.select_checkpoint (conf/experiment/wine.yaml)"
    )


@pytest.mark.slow
def test_explain_and_sweeps_name_the_new_key(checkout: Checkout) -> None:
    checkout.list_experiments({"wine": {}})
    answer = checkout.plait("explain", "wine", "trainer.keep", check=False)
    assert answer.returncode == 2
    assert answer.stderr == "plait: wine: trainer.keep is now trainer.select_checkpoint\n"
    sweep = ("run", "-m", "experiment=wine", "model.widths=[4],[8]", "sweep.name=begun_before")
    answer = checkout.plait(*sweep, check=False)
    assert answer.returncode == 2
    assert "wine: model.widths is now model.hidden_sizes (command line)" in answer.stderr
    assert not list((checkout.root / "outputs").glob("wine/*")), "nothing is trained"


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_what_was_recorded_is_read_by_the_keys_of_today(group: str, choice: str) -> None:
    cls = settings_of(group, choice)
    values = read_yaml(ROOT / "conf" / group / f"{choice}.yaml")
    assert section_today(group, choice, with_old_keys(group, values, cls)) == values
    # What is recorded today stays as it is, in its order.
    assert list(section_today(group, choice, values)) == list(values)


def recorded_before(resolved: Resolved) -> Resolved:
    """The same configuration with the keys that it had."""
    values = dict(resolved.values)
    for section in (*SECTIONS, *(group for group, _ in CHOICES)):
        if values.get(section):
            chosen = values[section].get("choice")
            cls = settings_of(section, chosen) if chosen else section_settings(section)
            values[section] = with_old_keys(section, values[section], cls)
    return Resolved(values)


def test_a_whole_configuration_is_read_by_the_keys_of_today() -> None:
    resolved = Project(ROOT).compose("few_labels")
    old = recorded_before(resolved)
    assert old["trainer.keep"] == resolved["trainer.select_checkpoint"]
    assert old["data.labels"] == 200
    assert read_today(old) == resolved
    assert read_today(resolved) == resolved
    before = {new: name for name, new in RENAMED.items()}
    parameters = {key: str(value) for key, value in resolved.parameters().items()}
    recorded = {before.get(key, key): value for key, value in parameters.items()}
    assert recorded.keys() != parameters.keys()
    assert parameters_today(recorded) == parameters


def test_a_key_that_another_choice_still_has_is_left_to_it() -> None:
    assert key_today("model.dropout", "mlp") == "model.dropout"
    assert key_today("model.dropout", "encoder") == "model.head_dropout"
    assert key_today("model.dropout", "gone") == "model.dropout"
    assert key_today("augmentation.there.name", "back_translation") == (
        "augmentation.forward_model.name"
    )
    assert key_today("data.types.missing", "table") == "data.types.missing"
    assert key_today("optimizer.lr", "sgd") == "optimizer.lr"


def test_why_says_that_a_key_has_a_new_name(checkout: Checkout) -> None:
    checkout.list_experiments({"wine": {}})
    before = recorded_before(Project(checkout.root).compose("wine"))
    # As DVC writes what a stage read.
    read = {"trainer": before["trainer"], "model": before["model"], "seed": before["seed"]}
    entry = {"cmd": "", "params": {"resolved/wine.yaml": read}}
    lock = {"schema": "2.0", "stages": {"train@wine": entry}}
    (checkout.root / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    said = why(Project(checkout.root), "wine")
    assert "trainer.keep is now trainer.select_checkpoint" in said
    assert "model.widths is now model.hidden_sizes" in said
    assert "lowest_loss" not in said
