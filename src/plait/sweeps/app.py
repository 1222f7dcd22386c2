"""``plait run``: a Hydra application whose job is a trial, and whose multirun is a sweep."""

import re
from argparse import ArgumentParser
from contextlib import chdir
from pathlib import Path

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from plait.config.compose import Project
from plait.config.effect import in_words
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError
from plait.evaluation.notation import duration
from plait.signals import end_at_sigterm
from plait.sweeps.composition import PRIMARY, ExperimentLoader
from plait.sweeps.sweep import Sweep
from plait.sweeps.trial import Outcome, Trial, run_trial, say
from plait.workspace import Workspace

FRESH = "--fresh"

UNKNOWN_KEY = re.compile(r"Could not override '(?P<key>(?P<section>hydra(\.\w+)*)\.\w+)'")
"""What Hydra says of a key of its own that there is not."""

USAGE = f"""\
usage: plait run experiment=NAME [KEY=VALUE …]
       plait run -m experiment=NAME KEY=V1,V2 … [hydra/launcher=NAME] [hydra/sweeper=NAME]
       plait run sweep=NAME [experiment=NAME] [KEY=VALUE …]

The first runs one experiment in this process: generate, pretrain, train, evaluate, record. The
others run a sweep: a trial for each combination of 1,2,3  range(5)  choice(a,b)  glob(*), one
recorded run each.
What is done is not done again; what was interrupted goes on where it stopped.

`plait options` lists groups and fields; conf/launch.yaml holds the settings of sweeps.

  {FRESH:<28}train again what is done
  -m, --multirun              sweep, in worker processes
  -c, --cfg job|hydra|all     show what is composed instead of running it
  -p, --package KEY           of that, one section
  --resolve                   with interpolations of Hydra's own part resolved
  -i, --info [WHAT]           what it is composed of: all, config, defaults, defaults-tree, plugins,
                              searchpath
  -cd, --config-dir FOLDER    a further folder of configuration
  --hydra-help, --version     Hydra's own
"""


def run(root: Path, arguments: list[str]) -> int:
    """Run the application.

    :param arguments: of the command line, behind ``plait run``.
    :returns: exit status; 1 if a trial failed.
    :raises UserError: for what is wrong with the command line or the configuration.
    """
    end_at_sigterm()
    version.setbase("1.3")
    parser = _parser()
    args = parser.parse_args([argument for argument in arguments if argument != FRESH])
    if args.config_name or args.config_path or args.experimental_rerun:
        raise ConfigurationError(
            "command line: --config-name, --config-path and --experimental-rerun are not for"
            " plait run: its configuration is the project's own"
        )
    project = Project(root)
    sweep = Sweep(Workspace.at(root), FRESH in arguments)
    search_path = create_config_search_path(str(project.conf.resolve()))
    if args.config_dir is not None:
        folder = f"file://{Path(args.config_dir).resolve()}"
        search_path.prepend("command-line", folder, SearchPathQuery(provider="schema"))
    loader = ExperimentLoader(search_path, project)
    task = Single(Workspace.at(root), loader, FRESH in arguments)
    try:
        # Hydra's own folders are named from here, wherever below the command was typed.
        with chdir(root):
            hydra = Hydra("plait", loader)
            GlobalHydra.instance().initialize(hydra)
            if args.help:
                print(USAGE, end="")
            elif args.hydra_help:
                hydra.hydra_help(PRIMARY, parser, args)
            elif args.cfg:
                hydra.show_cfg(PRIMARY, args.overrides, args.cfg, args.package, args.resolve)
            elif args.info is not None:
                hydra.show_info(args.info, PRIMARY, args.overrides)
            elif args.shell_completion:
                hydra.shell_completion(PRIMARY, args.overrides)
            elif args.multirun or hydra.get_mode(PRIMARY, args.overrides) == RunMode.MULTIRUN:
                hydra.multirun(PRIMARY, sweep, [*args.overrides, "hydra.mode=MULTIRUN"])
                return sweep.finish()
            else:
                hydra.run(PRIMARY, task, [*args.overrides, "hydra.mode=RUN"])
                return task.finish()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigurationError(_in_few_lines(str(error))) from error
    finally:
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
    return 0


class Single:
    """Hydra's task for one experiment."""

    def __init__(self, workspace: Workspace, loader: ExperimentLoader, fresh: bool) -> None:
        self._workspace, self._loader, self._fresh = workspace, loader, fresh
        self._status = 0
        self._error: Exception | None = None

    def __call__(self, config: DictConfig) -> None:
        """Run it; errors are kept for `finish`, since Hydra reports them in words of its own."""
        try:
            self._run()
        except Exception as error:
            self._error = error

    def finish(self) -> int:
        """The exit status, or the error."""
        if self._error is not None:
            raise self._error
        return self._status

    def _run(self) -> None:
        overrides = list(HydraConfig.get().overrides.task)
        resolved, effect = self._loader.resolve(overrides), self._loader.effect(overrides)
        for line in in_words([(resolved, effect)]):
            say(line)
        shown = tuple(text for text in effect.overrides if not text.startswith("experiment="))
        trial = Trial(resolved, shown, fresh=self._fresh)
        outcome = run_trial(self._workspace, trial)
        self._status = 0 if outcome.status in ("new", "resumed", "reused") else 1
        folder = self._workspace.trial(resolved.name, resolved.identity)
        print(_said(resolved, outcome, folder))


def _said(resolved: Resolved, outcome: Outcome, folder: Path) -> str:
    name = f"{resolved.name} {resolved.label}".rstrip()
    if outcome.status in ("failed", "pruned"):
        return f"{name}: {outcome.status}: {outcome.reason}"
    if outcome.status == "reused":
        return (
            f"{name}: done before, as run {outcome.run_id}; `plait run {FRESH} …` trains it again"
        )
    return (
        f"{name}: {outcome.status} run {outcome.run_id} in {duration(outcome.seconds)};"
        f" report {folder.relative_to(folder.parents[2])}/report.html"
    )


def _in_few_lines(said: str) -> str:
    """What Hydra says: at most four lines, with the options there are on one."""
    unknown = UNKNOWN_KEY.match(said)
    if unknown:
        key, section = unknown["key"], unknown["section"]
        return f"{key}: unknown key; those there are: plait run … --cfg hydra -p {section}"
    before, listed, options = said.partition("Config search path")[0].partition("Available options")
    lines = [line.strip() for line in before.splitlines() if line.strip()]
    if listed:
        where, *names = options.split("\n")
        lines.append(f"{listed}{where} {', '.join(filter(None, map(str.strip, names)))}")
    return "\n  ".join(lines[:4])


def _parser() -> ArgumentParser:
    """Hydra's own parser."""
    parser: ArgumentParser = get_args_parser()
    parser.prog = "plait run"
    return parser
