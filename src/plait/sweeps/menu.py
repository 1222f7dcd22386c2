"""What `plait run` offers beside the menu ``conf/``: launchers, searches and their pruners.

Their settings do not stand in ``conf/``: a file ``conf/hydra/launcher/basic.yaml`` would be checked
against Hydra's own launcher of that name.
"""

from importlib import import_module
from types import ModuleType

from plait.config.extras import need_of
from plait.config.options import listed
from plait.json_types import Values

ENGINES: dict[str, Values] = {
    # One worker process, one trial after the other; a worker that a trial kills is replaced.
    "basic": {},
    # Several worker processes on this machine.
    "joblib": {
        "jobs": None,  # at once; null: as the GPUs allow, or one a CPU core
        "gpus": 1,  # of a trial, where there are any
    },
    # A job of SLURM a trial, by submitit; the tree lies where every node finds it.
    "slurm": {
        "cluster": "slurm",  # local: submitit's jobs on this machine, to try
        "jobs": 16,  # at once, those that wait for a node counted
        "timeout_min": 60,  # of a job; a trial that takes longer goes on in the next, three times
        "cpus_per_task": 1,
        "gpus_per_node": 0,
        "mem_gb": None,  # null: the partition's default
        "partition": None,
        "additional_parameters": {},  # of sbatch, such as {account: mine, constraint: a100}
    },
    # A task of Ray a trial; the tree lies where every node finds it.
    "ray": {
        "address": None,  # of a cluster, such as auto or 10.0.0.1:6379; null: Ray on this machine
        "num_cpus": 1,  # that a trial takes
        "num_gpus": None,  # that a trial takes; null: 1 where there are any
    },
}
"""By name in ``hydra/launcher``: the settings of a module of `plait.sweeps.engines`."""

SEARCH: Values = {
    "defaults": ["_self_", {"pruner": None}],  # null: train every trial to its end
    "n_trials": 20,  # in total, however often it is launched; null: the whole grid
    "sampler": "tpe",  # tpe, random or grid
    "seed": 0,  # of the sampler
    "storage": None,  # an SQLAlchemy URL for the study; null: a file below .plait/searches/
    "params": {},  # what to search over, as on the command line
    "pruner": None,
}
"""``hydra/sweeper=optuna``. What it searches for is ``sweep.metric``, and null as in any sweep the
main metric on rows that are held out; then it prunes by the least val/loss."""

PRUNERS: dict[str, Values] = {
    # Ends a trial that is worse than the median of the others at that epoch.
    "median": {
        "startup_trials": 5,  # finished before any is pruned
        "warmup_epochs": 5,  # that none is pruned in
    },
    # Lets one in `reduction_factor` trials past the epochs n, n·factor, n·factor², …
    "successive_halving": {"min_epochs": 5, "reduction_factor": 4},
    # The same in several brackets, from rash to patient.
    "hyperband": {
        "min_epochs": 3,
        "max_epochs": None,  # of the longest training; null: of the first finished
        "reduction_factor": 3,
    },
}
"""By name in ``hydra/sweeper/pruner``."""

SEARCH_MODULE, PRUNING_MODULE = "plait.sweeps.search", "plait.sweeps.pruning"


def search_module() -> ModuleType:
    """What searches; it needs an extra."""
    return import_module(SEARCH_MODULE)


def pruning_module() -> ModuleType:
    """What watches the trainings of a search, and prunes them; it needs the same extra."""
    return import_module(PRUNING_MODULE)


def describe() -> str:
    """For ``plait options``: the launchers and sweepers, and the extras that they need."""
    launchers = {name: need_of(f"plait.sweeps.engines.{name}") for name in ENGINES}
    launchers = {f"{name}*" if name == "basic" else name: of for name, of in launchers.items()}
    sweepers = {"basic*": "", "optuna": need_of(SEARCH_MODULE)}
    lines = ["Chosen by `plait run` alone (`hydra/launcher=joblib`):"]
    lines += [listed("hydra/launcher", launchers), listed("hydra/sweeper", sweepers)]
    return "\n".join(lines)
