"""The command ``plait``: one function a verb, no logic."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from plait.errors import UserError, exit_with
from plait.garbage_collection import collect_rarely
from plait.runs.rebuild.comparison import TOLERANCE
from plait.workspace import CONF, PACKAGE, SRC, Workspace, find_root

if TYPE_CHECKING:
    from plait.tables.guess import Stated


def compose(arguments: argparse.Namespace) -> int:
    """Check params.yaml and conf/, and write resolved/."""
    from plait.pipeline.compose import compose as compose_stage

    compose_stage(find_root())
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Run an experiment, or with -m a sweep, as a Hydra application."""
    from plait.sweeps.app import run as run_application

    return run_application(find_root(), arguments.hydra)


def join(arguments: argparse.Namespace) -> int:
    """Be a further node of a training that another machine starts in this tree."""
    from plait.training.distributed.launch import join as join_training

    workspace = Workspace.at(find_root())
    places = [workspace.checkpoints("").resolve(), workspace.pretrained.resolve()]
    join_training(places, arguments.wait)
    return 0


def options(arguments: argparse.Namespace) -> int:
    """List the choices, or the fields of one group."""
    from plait.config.options import describe, describe_groups
    from plait.sweeps.menu import describe as describe_launchers

    conf = find_root() / CONF
    if arguments.group:
        print(describe(conf, arguments.group))
    else:
        print(describe_groups(conf))
        print(describe_launchers())
    return 0


def inspect(arguments: argparse.Namespace) -> int:
    """Look at a table: what its columns hold, and what would become of them."""
    from plait.tables.new import inspect_file

    root = find_root()
    stated = _stated(root, arguments)
    print(inspect_file(root, arguments.file, arguments.target, stated, arguments.html))
    return 0


def new(arguments: argparse.Namespace) -> int:
    """Write an experiment on a table of one's own, and list it in params.yaml."""
    from plait.tables.new import is_terminal, on_terminal
    from plait.tables.new import new as write_new

    root = find_root()
    by, _, column = (arguments.split or "").partition(":")
    told = write_new(
        root,
        arguments.name,
        arguments.file,
        target=arguments.target,
        task=arguments.task,
        split=(by, column or None) if by else None,
        drop=arguments.drop or [],
        ask=on_terminal if is_terminal() and not arguments.yes else None,
        stated=_stated(root, arguments),
    )
    print("\n".join(told))
    return 0


def _stated(root: Path, arguments: argparse.Namespace) -> "Stated":
    from plait.tables.new import stated

    return stated(
        root,
        separator=arguments.separator,
        encoding=arguments.encoding,
        decimal=arguments.decimal,
        missing=arguments.na or [],
        date_format=arguments.date_format,
    )


def explain(arguments: argparse.Namespace) -> int:
    """Say which file set a value."""
    from plait.config.compose import Project
    from plait.config.explain import explain as explain_key

    print(explain_key(Project(find_root()), arguments.name, arguments.key))
    return 0


def why(arguments: argparse.Namespace) -> int:
    """Say which stages would run again, and because of what."""
    from plait.config.compose import Project
    from plait.config.why import why as why_stages

    print(why_stages(Project(find_root()), arguments.name))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Compare the rebuilt metrics with those of the commit; exit with 1 where they differ."""
    from plait.config.compose import Project
    from plait.evaluation.verify import verify as verify_metrics

    project = Project(find_root())
    lines, holds = verify_metrics(project.root, list(project.listed))
    print("\n".join(lines))
    return 0 if holds else 1


def rebuild(arguments: argparse.Namespace) -> int:
    """Make a recorded run again by its own commit, and compare every number."""
    from plait.runs.rebuild.rebuild import rebuild as rebuild_run

    return rebuild_run(Workspace.at(find_root()), arguments.run, arguments.tolerance)


def promote(arguments: argparse.Namespace) -> int:
    """Make a recorded run an experiment that `dvc repro` rebuilds, or the champion."""
    from plait.runs.promote.promote import promote as promote_run

    given = arguments.run, arguments.name, arguments.champion, arguments.force
    print("\n".join(promote_run(Workspace.at(find_root()), *given)))
    return 0


def runs(arguments: argparse.Namespace) -> int:
    """List the recorded runs, the best of each experiment first."""
    from plait.tracking.query.leaderboard import as_json, as_table, entries

    wanted = arguments.experiment, arguments.sweep, arguments.metric, arguments.limit
    found = entries(Workspace.at(find_root()), *wanted)
    if arguments.json:
        print(as_json(found))
    elif not found:
        print("no such run" if arguments.experiment or arguments.sweep else "no run recorded yet")
    else:
        # In a pipe, nothing is cut.
        width = get_terminal_size().columns if sys.stdout.isatty() else None
        print(as_table(found, width))
    return 0


def gc(arguments: argparse.Namespace) -> int:
    """Show how large everything has grown, and what of it nobody needs any more."""
    from plait.runs.gc.report import gc as collect

    return collect(Workspace.at(find_root()), arguments.yes, arguments.json)


def ui(arguments: argparse.Namespace) -> int:
    """Open the MLflow UI on the recorded runs."""
    from plait.tracking.ui import ui as open_ui

    open_ui(Workspace.at(find_root()), arguments.port, arguments.host)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="plait",
        description="Hydra, DVC, Lightning and MLflow by one configuration."
        " `dvc repro` rebuilds what params.yaml lists.",
    )
    verbs = top.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        line = (function.__doc__ or "").strip()
        added = verbs.add_parser(function.__name__, help=line, description=line)
        added.set_defaults(function=function)
        return added

    verb(compose)
    # Hydra parses what follows `run`: see `main`.
    verb(run).set_defaults(hydra=[])
    waiting = "to wait for such a training (%(default)s)"
    verb(join).add_argument("--wait", metavar="SECONDS", type=float, default=600, help=waiting)
    verb(options).add_argument("group", nargs="?", help="such as model, optimizer, trainer")
    _of_tables(verb(inspect), verb(new))
    explaining = verb(explain)
    explaining.add_argument("name", help="an experiment")
    explaining.add_argument("key", help="such as optimizer.lr, or a whole section")
    verb(why).add_argument("name", help="an experiment")
    verb(verify)
    rebuilding = verb(rebuild)
    rebuilding.add_argument("run", help="id, name, experiment, best or best:SWEEP")
    tolerated = "relative difference that is tolerated (%(default)s)"
    rebuilding.add_argument("--tolerance", type=float, default=TOLERANCE, help=tolerated)
    promoting = verb(promote)
    promoting.add_argument(
        "run", help="its id, its name, an experiment for its newest run, best or best:SWEEP"
    )
    promoting.add_argument("name", nargs="?", help="of the experiment; made up by default")
    promoting.add_argument(
        "--champion", action="store_true", help="register the model, if it beats the champion"
    )
    promoting.add_argument("--force", metavar="REASON", help="register it even if it does not")
    listing = verb(runs)
    listing.add_argument("--experiment", metavar="NAME", help="only its runs")
    listing.add_argument("--sweep", metavar="NAME", help="only its trials")
    listing.add_argument("--metric", metavar="NAME", help="rank by it, such as validation/r2")
    listing.add_argument("--limit", metavar="N", type=int, help="only N of each experiment")
    listing.add_argument("--json", action="store_true", help="everything, for scripts")
    collecting = verb(gc)
    collecting.add_argument("--yes", action="store_true", help="remove what nobody needs")
    collecting.add_argument("--json", action="store_true", help="for scripts")
    opening = verb(ui)
    opening.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    opening.add_argument("--port", type=int, default=5000, help="(%(default)s)")
    return top


def _of_tables(looking: argparse.ArgumentParser, making: argparse.ArgumentParser) -> None:
    looking.add_argument("file", help="a CSV or Parquet file under data/raw/")
    looking.add_argument("--target", metavar="COLUMN", help="to predict: what tells it is named")
    looking.add_argument("--html", metavar="PAGE", type=Path, help="write the look as a page too")
    making.add_argument("name", help="of the experiment")
    making.add_argument("file", help="a CSV or Parquet file under data/raw/")
    making.add_argument("--target", metavar="COLUMN", help="column to predict")
    making.add_argument("--task", choices=["regression", "classification"], help="kind of target")
    divided = "random, stratified, time:COLUMN or group:COLUMN"
    making.add_argument("--split", metavar="WAY", help=f"division of the rows: {divided}")
    making.add_argument("--drop", metavar="COLUMN", action="append", help="leave out; repeatable")
    making.add_argument("--yes", action="store_true", help="ask nothing; guess what is not given")
    for each in (looking, making):
        written = each.add_argument_group("how the file is written, instead of a guess")
        written.add_argument("--separator", metavar="SIGN", help="of columns; also tab, space")
        written.add_argument("--encoding", metavar="NAME", help="such as cp1252 or shift_jis")
        written.add_argument("--decimal", metavar="SIGN", help="before decimals: . or ,")
        written.add_argument(
            "--na", metavar="WORD", action="append", help="stands for a missing value; repeatable"
        )
        written.add_argument("--date-format", metavar="FORM", help="of dates: such as %%d.%%m.%%Y")


def main() -> None:
    """Run the verb of the command line."""
    collect_rarely()
    command_line = sys.argv[1:]
    if command_line[:1] == ["run"]:
        arguments = argparse.Namespace(function=run, hydra=command_line[1:])
    else:
        arguments = parser().parse_args(command_line)

    def command() -> int:
        deliver_journals(find_root())
        status: int = arguments.function(arguments)
        return status

    exit_with(command)


def deliver_journals(root: Path) -> None:
    """Record what a training that was killed hard, or that met no store, left on disk."""
    workspace = Workspace.at(root)
    if any(workspace.journals.glob("*.jsonl")):
        from plait.tracking.live.delivery import deliver_journals as deliver

        deliver(workspace)


def console() -> None:
    """The console script: `main`, on the code of the tree that one stands in.

    That may be a worktree or a copy, while the installation is of another.
    """
    try:
        root = find_root()
    except UserError:
        main()  # which says so, unless it is asked for help
        return
    own = root / SRC
    if (root / PACKAGE).is_dir() and not Path(__file__).resolve().is_relative_to(own.resolve()):
        environment = {**os.environ, "PYTHONPATH": str(own)}
        start = "from plait.cli import main; main()"
        os.execve(sys.executable, [sys.executable, "-c", start, *sys.argv[1:]], environment)
    main()
