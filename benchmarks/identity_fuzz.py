"""Attack the promise that a recorded number belongs to what its identity names.

    PYTHONPATH=src:tests python benchmarks/identity_fuzz.py ...

    --rounds 20           seeds 1, 2, … 20
    --seed 123 --verbose  one seed again, and what was done
    --named               the faults there were, by every way
    --seconds 60          as many seeds as a minute holds
    --rounds 500 --state FILE   go on where FILE says

Each seed is a plan (`tests/identity/plans.py`): `plait run`, `plait run -m`, `dvc repro` or `dvc
exp run` on a small project, whose files are edited and put back, and whose processes are killed,
at named points of those processes: the n-th import of a module, the n-th opening or renaming of a
file. So a seed does the same each time. Then every run that says FINISHED is made again, in a tree
put together from what its identity names, and compared number for number. Of ten seeds one goes
through real DVC, one through a sweep; ``--through`` has them all go one way.

Exits with 1 when a run differs, after its plan and the numbers.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from checkouts import ROOT
from identity import laboratory
from identity.plans import NAMED, WAYS, Plan, plan_of
from identity.rounds import Field, Told


def wanted(arguments: argparse.Namespace, done: set[str]) -> Iterator[Plan]:
    """The plans, those of a state file left out."""
    if arguments.named is not None:
        yield from (plan for name, plan in NAMED.items() if fnmatch(name, arguments.named))
        return
    seeds = [arguments.seed] if arguments.seed is not None else range(1, arguments.rounds + 1)
    mine, shares = arguments.share
    for seed in seeds:
        # By tens, for every tenth goes through DVC and takes as long as the nine others.
        if seed // 10 % shares != mine - 1:
            continue
        plan = plan_of(seed, arguments.through)
        if plan.name not in done:
            yield plan


def fight(arguments: argparse.Namespace, folder: Path) -> int:
    """All rounds; the exit status."""
    state = Path(arguments.state) if arguments.state else None
    totals = Totals(state, source_digest())
    laboratory.warm()
    field = Field(folder / "field")
    if arguments.teeth:
        return field.show_teeth()
    began = time.monotonic()
    for plan in wanted(arguments, set(totals.done)):
        if arguments.seconds and time.monotonic() - began > arguments.seconds:
            break
        start = time.monotonic()
        told = field.fight(plan)
        tell(plan, told, time.monotonic() - start, arguments.verbose)
        if arguments.report:
            with Path(arguments.report).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"plan": plan.name, **vars(told)}) + "\n")
        totals.add(plan, told)
    print(totals.line())
    return 1 if totals.wrong else 0


class Totals:
    """What became of all rounds, those of earlier calls included.

    :param state: a file that keeps them, by line; of another state of the project they are void.
    """

    def __init__(self, state: Path | None, source: str) -> None:
        self._state, self._source = state, source
        self.done: dict[str, dict[str, Any]] = {}
        self.wrong = 0
        if state is not None and state.exists():
            entries = [json.loads(line) for line in state.read_text(encoding="utf-8").splitlines()]
            self.done = {entry["plan"]: entry for entry in entries if entry["source"] == source}
        self._before = len(self.done)

    def add(self, plan: Plan, told: Told) -> None:
        """Count a round; one with a fault is not done."""
        counts = {"finished": told.finished, "struck": told.struck, "planned": told.planned}
        refused = sum(status != 0 for status in told.statuses)
        entry = {"plan": plan.name, "way": plan.way, "source": self._source, "refused": refused}
        if told.wrong:
            self.wrong += 1
            return
        self.done[plan.name] = entry | counts
        if self._state is not None:
            with self._state.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.done[plan.name]) + "\n")

    def line(self) -> str:
        """All in a line."""
        entries = self.done.values()
        ways = Counter(entry["way"] for entry in entries)
        sums = {key: sum(entry[key] for entry in entries) for key in ("struck", "planned")}
        sums |= {key: sum(entry[key] for entry in entries) for key in ("finished", "refused")}
        return (
            f"{len(entries)} rounds without a fault ({self._before} of them before), "
            + ", ".join(f"{ways[way]} by {way}" for way in WAYS)
            + f"; {sums['struck']} of {sums['planned']} blows came to their point;"
            f" {sums['refused']} commands refused or killed;"
            f" {sums['finished']} finished runs made again; {self.wrong} rounds with a fault"
        )


def source_digest() -> str:
    """Of all that a round's outcome depends on here."""
    hasher = hashlib.sha256()
    for folder in ("src", "conf", "tests/identity", "dvc.yaml", "requirements.lock"):
        path = ROOT / folder
        for file in sorted(path.rglob("*.*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                hasher.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return hasher.hexdigest()[:16]


def share(text: str) -> tuple[int, int]:
    """Which part of how many, of ``2/3``."""
    mine, shares = map(int, text.split("/"))
    if not 1 <= mine <= shares:
        raise ValueError(text)
    return mine, shares


def tell(plan: Plan, told: Told, seconds: float, verbose: bool) -> None:
    """A line a round; of one with a fault, everything."""
    counts = f"{told.struck} of {told.planned} blows, {told.finished} finished"
    print(f"{plan.name}: {counts}, status {told.statuses}; {seconds:.1f} s", flush=True)
    if verbose or told.wrong:
        print(json.dumps(plan.to_json(), indent=2))
        print(told.said[-3000:])
    for line in told.wrong:
        print(f"  WRONG {line}", flush=True)


def main() -> int:
    """Enter the laboratory, and fight there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--rounds", type=int, default=20, help="seeds from 1 on (%(default)s)")
    parser.add_argument("--seconds", type=float, help="begin no round after so many")
    parser.add_argument("--through", choices=WAYS, help="all by this way")
    parser.add_argument("--named", nargs="?", const="*", help="plans after faults, by their names")
    parser.add_argument("--report", help="a file that gets what was told of each round, as JSON")
    parser.add_argument(
        "--teeth", action="store_true", help="find faults that are planted, instead"
    )
    parser.add_argument(
        "--share", type=share, default=(1, 1), help="1/2 or 2/2: that of one of two processes"
    )
    parser.add_argument("--state", help="a file that keeps which seeds are done")
    parser.add_argument("--verbose", action="store_true", help="plans and what commands said")
    arguments = parser.parse_args()
    if laboratory.INSIDE in os.environ:
        return fight(arguments, Path(os.environ[laboratory.INSIDE]))
    with tempfile.TemporaryDirectory() as folder:
        return laboratory.enter([str(Path(__file__).resolve()), *sys.argv[1:]], Path(folder))


if __name__ == "__main__":
    sys.exit(main())
