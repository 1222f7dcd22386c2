"""Attack the promise that a recorded number belongs to what its identity names.

    python benchmarks/identity_fuzz.py --rounds 20           seeds 1, 2, … 20
    python benchmarks/identity_fuzz.py --seed 123 --verbose  one seed again, and what was done
    python benchmarks/identity_fuzz.py --named               the faults that there were, by every way
    python benchmarks/identity_fuzz.py --seconds 60          as many seeds as a minute holds
    python benchmarks/identity_fuzz.py --rounds 500 --state FILE   go on where FILE says

Each seed is a plan (`tests/identity/plans.py`): `plait run`, `plait run -m`, `dvc repro` or `dvc exp
run` on a small project, whose files are edited and put back, and whose processes are killed, at
named points of those processes: the n-th import of a module, the n-th opening or renaming of a
file. So a seed does the same each time. Then every run that says FINISHED is made again, in a tree
put together from what its identity names, and compared number for number. Of ten seeds one goes
through real DVC, one through a sweep; ``--through`` has them all go one way.

Exits with 1 when a run differs, after its plan and the numbers.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from identity import laboratory
from identity.plans import NAMED, WAYS, Plan, plan_of
from identity.rounds import Field, Told


def wanted(arguments: argparse.Namespace, done: set[str]) -> Iterator[Plan]:
    """The plans, those of a state file left out."""
    if arguments.named is not None:
        found = [name for name in NAMED if arguments.named in name]
        yield from (NAMED[name] for name in found)
        return
    seeds = [arguments.seed] if arguments.seed is not None else range(1, arguments.rounds + 1)
    for seed in seeds:
        plan = plan_of(seed, arguments.through)
        if f"{plan.name} {plan.way}" not in done:
            yield plan


def fight(arguments: argparse.Namespace, folder: Path) -> int:
    """All rounds; the exit status."""
    state = Path(arguments.state) if arguments.state else None
    done: set[str] = set()
    if state is not None and state.exists():
        done = {json.loads(line)["plan"] for line in state.read_text().splitlines()}
    laboratory.warm()
    field = Field(folder / "field")
    began, rounds, finished, struck, planned, wrong = time.monotonic(), 0, 0, 0, 0, 0
    for plan in wanted(arguments, done):
        if arguments.seconds and time.monotonic() - began > arguments.seconds:
            break
        start = time.monotonic()
        told = field.fight(plan)
        tell(plan, told, time.monotonic() - start, arguments.verbose)
        rounds, wrong = rounds + 1, wrong + bool(told.wrong)
        finished, struck = finished + told.finished, struck + told.struck
        planned += told.planned
        if state is not None and not told.wrong:
            with state.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"plan": f"{plan.name} {plan.way}"}) + "\n")
    print(
        f"{rounds} rounds, {len(done)} done before; {struck} of {planned} blows came to their"
        f" point; {finished} finished runs made again; {wrong} rounds with a fault"
    )
    return 1 if wrong else 0


def tell(plan: Plan, told: Told, seconds: float, verbose: bool) -> None:
    """A line a round; of one with a fault, everything."""
    counts = f"{told.struck} of {told.planned} blows, {told.finished} finished"
    print(f"{plan.name}, {plan.way}: {counts}, status {told.statuses}; {seconds:.1f} s", flush=True)
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
    parser.add_argument("--named", nargs="?", const="", help="plans after faults, by their names")
    parser.add_argument("--state", help="a file that keeps which seeds are done")
    parser.add_argument("--verbose", action="store_true", help="plans and what commands said")
    arguments = parser.parse_args()
    if laboratory.INSIDE in os.environ:
        return fight(arguments, Path(os.environ[laboratory.INSIDE]))
    with tempfile.TemporaryDirectory() as folder:
        return laboratory.enter([str(Path(__file__).resolve()), *sys.argv[1:]], Path(folder))


if __name__ == "__main__":
    sys.exit(main())
