"""The tutorial of docs/texts.md, as a newcomer would type it."""

import random
import re
import shlex

import pytest

from checkouts import ROOT, Checkout
from plait.config.levels import read_yaml

TEAMS = {
    "delivery": ("my parcel has not arrived", "where is my order", "the courier never came"),
    "refund": ("please pay back the fee", "I want my money back", "you charged me twice"),
    "account": ("I cannot log in", "reset my password", "my email address has changed"),
}


def messages(rows: int = 150) -> str:
    chance = random.Random(0)
    lines = ["message,team"]
    for number in range(rows):
        team = list(TEAMS)[number % 3]
        lines.append(f'"{chance.choice(TEAMS[team])}, number {number}",{team}')
    return "\n".join(lines) + "\n"


def blocks(language: str) -> list[str]:
    text = (ROOT / "docs" / "texts.md").read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"(?m)^{indent}", "", block) for indent, block in found]


@pytest.mark.slow
def test_every_command_runs_and_the_model_answers(checkout: Checkout) -> None:
    checkout.make_tiny()
    checkout.append("messages.csv", messages())
    (defined,) = blocks("yaml")
    ran = []
    for line in "".join(blocks("sh")).splitlines():
        if line == "plait compose":
            checkout.append("conf/experiment/messages.yaml", defined)
            checkout.list_experiments({"messages": {}})
        said = checkout.run(*shlex.split(line)).stdout
        ran.append(line)
    assert ran[2] == "dvc repro"
    assert (checkout.root / "mlruns/reports/messages.html").is_file()
    assert "3 new" in said or "2 new" in said
    (example,) = blocks("python")
    answer = checkout.run("python", "-c", example, env={"PYTHONPATH": "src"}).stdout
    assert "delivery" in answer
    assert "refund" in answer


def test_every_method_is_named() -> None:
    text = (ROOT / "docs" / "texts.md").read_text(encoding="utf-8")
    shipped = "full linear_probe lora dora adalora adapter ia3 prefix prompt"
    for name in shipped.split():
        path = ROOT / "conf" / "finetuning" / f"{name}.yaml"
        assert f"`{name}`" in text
        assert read_yaml(path)["lr"] > 0
