"""``plait verify``: whether the rebuilt metrics are those of the commit, but for rounding.

Another CPU has other kernels, which round otherwise (``docs/exactness.md``, Another CPU, has what
that was measured to do). What they may do to a metric is bounded:

- An estimator that is solved, not trained by steps, keeps all but the last bits of its predictions.
  A metric is written with eight digits, whose last may then be another: `ROUNDED`.
- A network rounds at each step to 6e-8 of a number (float32), and each step goes on from the one
  before; a choice among epochs may fall on another, of nearly the same loss. Measured was up to
  4e-5; bounded is `TRAINED`.
- What counts rows moves by whole ones where a prediction lies at the boundary: `FLIPPED` rows.
"""

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from plait.artifacts import SIGNIFICANT_DIGITS, read_json
from plait.config.registry import family_of
from plait.errors import UserError
from plait.evaluation.entries import Evaluation, metrics_of
from plait.json_types import Json
from plait.workspace import PIPELINE_LOCK, STORE, Workspace

ROUNDED = 10.0 ** (1 - SIGNIFICANT_DIGITS)
"""Relative: one unit of the last digit that is written."""

TRAINED = 1e-3
"""Relative, of a network's metrics."""

FLIPPED = 3
"""Rows of the part, or of its rarest class, that a network may decide otherwise."""

COUNTED = {
    *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"),
    *("f1_micro", "hamming_loss", "directional_accuracy", "expected_calibration_error"),
}
"""Metrics that go by the number of rows that were decided in some way."""


@dataclass(frozen=True)
class Verdict:
    """What became of one experiment."""

    words: str
    holds: bool


@dataclass(frozen=True)
class _Difference:
    """Of a metric, from what the commit has."""

    key: str
    size: float
    bound: float

    @property
    def holds(self) -> bool:
        return self.size <= self.bound

    @property
    def rank(self) -> float:
        return self.size / self.bound

    def __str__(self) -> str:
        return f"{self.key} by {self.size:.1e}, where rounding may do {self.bound:.1e}"


def verify(root: Path, names: list[str]) -> tuple[list[str], bool]:
    """A line for each experiment, and what to do; and whether all of them hold.

    :raises UserError: where there is no commit to compare with.
    """
    if _git(root, "rev-parse", "--verify", "HEAD^{commit}") is None:
        raise UserError(f"{root}: no git commit here whose metrics could be compared")
    verdicts = {name: _verdict(root, name) for name in names}
    lines = [f"{name:<20} {verdict.words}" for name, verdict in verdicts.items()]
    broken = [name for name, verdict in verdicts.items() if not verdict.holds]
    if broken:
        lines.append(
            f"not the commit's numbers: {', '.join(broken)}. Rounding does not do that; code,"
            " configuration, data or packages do: `git diff HEAD`, `plait why NAME`"
        )
    elif others := _other_bits(root):
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        lines.append(
            f"dvc.lock has other bits than the commit's for {', '.join(others[:3])}{more}:"
            " another CPU's rounding, within the bound.\n  Keep it, but out of commits"
            " (`git restore --staged dvc.lock`): by the commit's own, `dvc repro` would train"
            " again.\n  Where a DVC remote has the commit's outputs,"
            " `git checkout HEAD dvc.lock results && dvc pull` takes them."
        )
    return lines, not broken


def _verdict(root: Path, name: str) -> Verdict:
    outputs = Workspace.at(root).outputs(name)
    path = f"results/{name}/metrics.json"
    try:
        evaluation = read_json(outputs.mark("evaluation"))
        choice = read_json(outputs.mark("model"))["choice"]
        now = _numbers(read_json(outputs["metrics"]))
        measured = metrics_of(evaluation)
    except FileNotFoundError:
        return Verdict(f"not evaluated here: run `dvc repro evaluate@{name}`", False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Verdict(f"what lies here is no whole evaluation: {error}", False)
    if now != measured:
        return Verdict(f"{path} is not what evaluation/ beside it has: run `dvc repro`", False)
    committed = _git(root, "show", f"HEAD:./{path}")
    if committed is None:
        return Verdict("new: the commit has no metrics to compare with", True)
    try:
        then = _numbers(json.loads(committed))
    except ValueError as error:
        return Verdict(f"the commit's {path} has no metrics: {error}", False)
    return _compared(then, now, family_of(choice).by_gradient, evaluation)


def _numbers(raw: Json) -> dict[str, float]:
    """Metrics as a file has them.

    :raises ValueError: naming one that is no finite number.
    """
    if not isinstance(raw, dict):
        raise ValueError("not a mapping")
    for key, value in raw.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key} is {value!r}, which is no number")
    return raw


def _compared(
    then: dict[str, float], now: dict[str, float], by_gradient: bool, evaluation: Evaluation
) -> Verdict:
    differences = [
        _Difference(
            key,
            abs(now[key] - then[key]),
            bound(key, then[key], now[key], by_gradient, evaluation),
        )
        for key in sorted(now.keys() & then.keys())
        if now[key] != then[key]
    ]
    changed = {
        "added": sorted(now.keys() - then.keys()),
        "dropped": sorted(then.keys() - now.keys()),
    }
    words = [f"metrics {how}: {', '.join(keys)}" for how, keys in changed.items() if keys]
    if not differences and not words:
        return Verdict(f"identical to the commit in all {len(now)} metrics", True)
    beyond = [difference for difference in differences if not difference.holds]
    if differences:
        worst = max(differences, key=lambda difference: difference.rank)
        count = len(beyond or differences)
        whole = f"{count} of {len(now)} metrics differ"
        words.insert(0, f"{whole}{' too much' if beyond else ', within the bound'}: {worst}")
    return Verdict("; ".join(words), not beyond and not any(changed.values()))


def bound(key: str, then: float, now: float, by_gradient: bool, evaluation: Evaluation) -> float:
    """How much rounding may change a metric."""
    part, _, name = key.partition("/")
    size = max(abs(then), abs(now))
    if name == "r2":
        # One less the ratio of two squares: near 0 it is no smaller than that ratio.
        size = max(size, abs(1 - then), abs(1 - now))
    if not by_gradient:
        return ROUNDED * size
    row = 0.0
    if name in COUNTED:
        supports = [entry["support"] for entry in evaluation["per_class"] or ()]
        occurring = [support for support in supports if support]
        rows, share = evaluation["rows"], 1.0
        validation = evaluation.get("validation")
        if part == "validation" and validation is not None:
            # Of that part no supports are kept: about as many of each class, in proportion.
            rows, share = validation["rows"], validation["rows"] / rows
        # Macro means count the classes alike.
        row = 1 / rows
        if occurring:
            row = 1 / (len(occurring) * max(1.0, share * min(occurring)))
    return max(TRAINED * size, FLIPPED * row + ROUNDED * size)


def _other_bits(root: Path) -> list[str]:
    """Outputs of which dvc.lock has another digest than the commit's, of stages that are alike."""
    committed = _git(root, "show", "HEAD:./dvc.lock")
    lock = root / PIPELINE_LOCK
    if committed is None or not lock.exists():
        return []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    then, now = (
        yaml.load(text, loader)["stages"] for text in (committed, lock.read_text(encoding="utf-8"))
    )
    found = []
    for stage in now.keys() & then.keys():
        if any(now[stage].get(key) != then[stage].get(key) for key in ("cmd", "params")):
            continue
        digests = {out["path"]: out.get("md5") for out in then[stage].get("outs", ())}
        for out in now[stage].get("outs", ()):
            if out.get("md5") != digests.get(out["path"]):
                found.append(str(out["path"]))
    return sorted(path for path in found if not path.startswith(f"{STORE}/"))


def _git(root: Path, *command: str) -> str | None:
    """What git says; None where it fails."""
    result = subprocess.run(
        ["git", *command], cwd=root, capture_output=True, text=True, check=False
    )
    return None if result.returncode else result.stdout
