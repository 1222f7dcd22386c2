"""What is done to a project in a round: drawn from a seed, or named after a fault there was.

A plan holds steps; each is a command, what is edited before it, and the blows that it gets at named
points of its own processes. Everything in it is plain data, so that it can be printed and kept.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

from identity.project import CHANGES, CODE, DATA, KEPT, LOCKED, OWN, RESOLVED, SETTINGS, Change

WAYS = ("run", "sweep", "repro", "exp")
"""How a plan runs the project: `plait run`, `plait run -m`, `dvc repro`, `dvc exp run`."""

THROUGH_DVC = ("repro", "exp")

Action = dict[str, Any]
Point = tuple[str, str, int]
"""A kind of event, a module or path, and how often it may come."""

OWN_MODULES = {"own": "plait.models.scaled", "kept": "plait.models.least_squares"}
"""The module of an experiment's model."""

FILES = {"own": OWN, "kept": KEPT}

STARTING = tuple(
    ("import", f"plait.{name}", 1)
    for name in ("config.compose", "config.closure", "data.preprocessing", "models.trained")
)
COMPOSING: tuple[Point, ...] = (
    *(("read", "params.yaml", 1), ("read", "conf/config.yaml", 1)),
    *(("read", "conf/experiment/{}.yaml", 1), ("import", "{model}", 1)),
    *(("import", "plait.data.sources.table", 1), ("read", "{file}", 1)),
    *(("read", "src/plait/data/sources/table.py", 1), ("read", "src/plait/training/fit.py", 1)),
    *(("read", "{source}", 1), ("read", "src/plait/evaluation/metrics/regression.py", 1)),
    ("read", "requirements.lock", 1),
)
GENERATING: tuple[Point, ...] = (
    *(("rename", "*/train.parquet", 1), ("rename", "*/dataset.json", 1)),
)
TRAINING: tuple[Point, ...] = (
    *(("rename", "*/pretrained.json", 1), ("read", "*/dataset.json", 1)),
    *(("import", "{training}", 1), ("write", ".plait/journal/*.jsonl", 1)),
    *(("import", "plait.training.loop", 1), ("import", "plait.models.network", 1)),
    *(("rename", "*/model.json", 1), ("rename", "*/curves.csv", 1)),
)
EVALUATING: tuple[Point, ...] = (
    *(("read", "*/model.json", 1), ("write", "*/predictions.csv", 1)),
    *(("rename", "*/evaluation.json", 1), ("rename", "*/metrics.json", 1)),
)
RECORDING: tuple[Point, ...] = (
    *(("write", ".plait/locks/store.lock", 3), ("read", "*/evaluation.json", 1)),
    ("read", "src/plait/tracking/record/logged_model.py", 2),
)


def _stage(name: str, *points: Point) -> list[tuple[str, Point]]:
    """A stage of its own: what it imports and is told comes first."""
    first: tuple[Point, ...] = (("import", "plait.pipeline.entry", 1),)
    told: tuple[Point, ...] = (("read", "resolved/{}.yaml", 1),)
    return [(name, point) for point in (*first, *told, *points)]


_TRIAL: tuple[Point, ...] = (
    *(("read", "{file}", 2), *GENERATING, ("rename", "*/resolved.yaml", 1), *TRAINING),
    *(("rename", "*/done.json", 1), *EVALUATING, ("rename", "*/done.json", 2), *RECORDING),
)

PIPELINE = [
    *[("compose", point) for point in (*STARTING[:2], *COMPOSING)],
    ("compose", ("rename", "resolved/{}.yaml", 1)),
    *_stage("generate", ("import", "plait.data.reading", 1), ("read", "{file}", 1), *GENERATING),
    *_stage("train", *STARTING[2:], ("import", "{model}", 1), *TRAINING[1:]),
    *_stage("evaluate", ("import", "plait.evaluation.metrics.regression", 1), *EVALUATING),
    *_stage("record", ("import", "plait.tracking.record.record", 1), RECORDING[1]),
    ("record", ("rename", "mlruns/recorded/*", 1)),
]

TIMES: dict[str, list[tuple[str, Point]]] = {
    "run": [("run", point) for point in (*STARTING, *COMPOSING, *_TRIAL)],
    "sweep": [
        *[("launcher", point) for point in (*STARTING[:2], *COMPOSING)],
        *[("worker", point) for point in (*STARTING[2:], ("import", "{model}", 1))],
        ("worker", ("read", "{file}", 1)),
        *[("worker", point) for point in _TRIAL[1:]],
        # Of the second trial.
        *[("worker", ("rename", f"*/{name}.json", 2)) for name in ("dataset", "model", "metrics")],
    ],
    "repro": PIPELINE,
    "exp": PIPELINE,
}
"""By the way to run: a process, and a point of it, in the order in which they come."""


@dataclass
class Step:
    """A command under attack."""

    command: list[str]
    edits: list[Action] = field(default_factory=list)
    """Made before it."""
    blows: list[dict[str, Any]] = field(default_factory=list)

    def blow(self, role: str, point: Point, *actions: Action) -> None:
        """Add one."""
        kind, what, count = point
        self.blows.append(
            {"role": role, "kind": kind, "what": what, "count": count, "actions": list(actions)}
        )


@dataclass
class Plan:
    """A round."""

    name: str
    way: str
    experiments: list[str]
    steps: list[Step]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def contents(self) -> list[int]:
        """The changes, by their number, whose content is written."""
        actions = [action for step in self.steps for action in step.edits]
        actions += [a for step in self.steps for blow in step.blows for a in blow["actions"]]
        return sorted({int(a["content"]) for a in actions if a.get("content", "base") != "base"})


def edit(change: Change, how: str = "place", time: str = "now", tree: str | None = None) -> Action:
    """Give a file its other content.

    :param tree: None: where the process works; else ``checkout``.
    """
    common: Action = {"path": change.path, "how": how, "time": time, "tree": tree}
    if change in RESOLVED:
        return common | {"old": change.old, "new": change.new}
    return common | {"content": str(CHANGES.index(change))}


def put_back(
    change: Change, how: str = "place", time: str = "now", tree: str | None = None
) -> Action:
    """Give it the content that it had."""
    common: Action = {"path": change.path, "how": how, "time": time, "tree": tree}
    if change in RESOLVED:
        return common | {"old": change.new, "new": change.old}
    return common | {"content": "base"}


KILL: Action = {"kill": "SIGKILL"}
TERMINATE: Action = {"kill": "SIGTERM"}


def way_of(seed: int) -> str:
    """Of ten seeds one is spent on real DVC, which takes a minute, and one on a sweep."""
    if seed % 10 == 0:
        return "exp" if seed % 20 == 0 else "repro"
    return "sweep" if seed % 10 == 5 else "run"


def plan_of(seed: int, way: str | None = None) -> Plan:
    """The plan of a seed: the same each time."""
    way = way or way_of(seed)
    draw = random.Random(f"{seed} {way}")
    experiment = draw.choice(["own", "own", "kept"])
    steps = []
    for _ in range(1 if way in THROUGH_DVC else draw.choice([1, 2])):
        step = Step(_command(way, experiment, draw))
        for _ in range(draw.choice([1, 1, 2])):
            _visit(step, way, experiment, draw)
        if draw.random() < 0.3:
            place = draw.randrange(len(TIMES[way]))
            step.blow(*_at(way, place, experiment), draw.choice([KILL, TERMINATE]))
        steps.append(step)
    return Plan(f"seed {seed}, {way}", way, [experiment], steps)


def _command(way: str, experiment: str, draw: random.Random) -> list[str]:
    if way == "run":
        fresh = ["--fresh"] if draw.random() < 0.2 else []
        return ["plait", "run", f"experiment={experiment}", *fresh]
    if way == "sweep":
        jobs = draw.choice([[], [], ["hydra/launcher=joblib", "hydra.launcher.jobs=2"]])
        return ["plait", "run", "-m", f"experiment={experiment}", "data.seed=21,22", *jobs]
    if way == "repro":
        return ["dvc", "repro"]
    key = "optimizer.lr=0.07" if experiment == "own" else "model.ridge=0.7"
    place = draw.choice([[], ["--temp"], ["--queue"]])
    return ["dvc", "exp", "run", *place, "--set-param", f"+experiments.{experiment}.{key}"]


def _visit(step: Step, way: str, experiment: str, draw: random.Random) -> None:
    """Somebody edits a file, and perhaps puts it back."""
    change = draw.choice(_choices(way, experiment, draw))
    how, time = draw.choice(["place", "rename"]), draw.choice(["keep", "turn", "now"])
    if way in THROUGH_DVC and (how, time) == ("place", "keep"):
        # DVC itself knows files by inode, size and time of change, so it would miss this one.
        time = "turn"
    tree = "checkout" if draw.random() < 0.3 and "exp" in step.command else None
    made, undone = edit(change, how, time, tree), put_back(change, how, time, tree)
    first, second = sorted(draw.sample(range(len(TIMES[way])), 2))
    if draw.random() < 0.15:
        step.edits.append(edit(change, how, time, "checkout"))
    else:
        step.blow(*_at(way, first, experiment), made)
    if draw.random() < 0.75:
        step.blow(*_at(way, second, experiment), undone)


def _choices(way: str, experiment: str, draw: random.Random) -> list[Change]:
    """Mostly of what the experiment reads."""
    kinds = [CODE, CODE, CODE, DATA, DATA, SETTINGS, LOCKED]
    if way in THROUGH_DVC:
        kinds += [RESOLVED]
    kind = draw.choice(kinds)
    other = "kept" if experiment == "own" else "own"
    foreign = {f"conf/experiment/{other}.yaml", FILES[other], f"resolved/{other}.yaml"}
    foreign |= {f"src/{OWN_MODULES[other].replace('.', '/')}.py"}
    if experiment == "kept":
        foreign |= {"src/plait/models/network.py", "src/plait/training/optimizers/sgd.py"}
    listed = {"own: {}", "kept: {}"} - {f"{experiment}: {{}}"} if way in THROUGH_DVC else set()
    return [change for change in kind if change.path not in foreign and change.old not in listed]


def _at(way: str, place: int, experiment: str) -> tuple[str, Point]:
    """A process and a point of it."""
    role, (kind, what, count) = TIMES[way][place]
    model = OWN_MODULES[experiment]
    source = f"src/{model.replace('.', '/')}.py"
    training = f"plait.training.{'gradient' if experiment == 'own' else 'estimator'}"
    names = {"model": model, "source": source, "training": training, "file": FILES[experiment]}
    return role, (kind, what.format(experiment, **names), count)


NAMED: dict[str, Plan] = {}
"""Plans after faults that there were: by the fault and the way to run."""


def _name(fault: str, way: str, experiment: str, *steps: Step) -> None:
    name = f"{fault}, {way}"
    NAMED[name] = Plan(name, way.partition(" ")[0], [experiment], list(steps))


def _commands(experiment: str) -> dict[str, list[str]]:
    sweep = ["plait", "run", "-m", f"experiment={experiment}", "data.seed=21,22"]
    return {
        "run": ["plait", "run", f"experiment={experiment}"],
        "sweep": sweep,
        "repro": ["dvc", "repro"],
    }


MODEL = CODE[0]
VALUE = DATA[0]
KEPT_VALUE = next(change for change in DATA if change.path == KEPT)


DEVICES = "trainer.devices=2"


def _add_named() -> None:
    own, kept = _commands("own"), _commands("kept")

    def attacked(
        fault: str, way: str, command: list[str], then: tuple[str, Point], at: Change
    ) -> None:
        """An edit at a point, which is refused; then it is put back, and all goes well."""
        step = Step(command)
        step.blow(*then, edit(at))
        # By one process: by several, sums of float32 round otherwise.
        again = [word for word in command if word != DEVICES]
        _name(fault, way, "own", step, Step(again, edits=[put_back(at)]))

    # A model's file is edited between what composed and what loads it.
    fault = "a model's file is edited until it is trained"
    attacked(fault, "run", own["run"], ("run", ("rename", "*/resolved.yaml", 1)), CODE[4])
    for way, role in {"sweep": "worker", "repro": "train"}.items():
        attacked(fault, way, own[way], (role, ("import", "plait.pipeline.entry", 1)), MODEL)
    # Several processes train: they load the code after the one that starts them.
    several = [*own["run"], DEVICES]
    began = ("run", ("import", "plait.training.distributed.launch", 1))
    attacked(fault, "run on two processes", several, began, MODEL)

    # A table is edited when it has been hashed.
    fault = "a table is edited after it was hashed"
    attacked(fault, "run", own["run"], ("run", ("read", OWN, 2)), VALUE)
    # Between the first trial and the second.
    over = ("worker", ("rename", "*/evaluate.json", 1))
    attacked(fault, "sweep", own["sweep"], over, VALUE)
    reading = ("generate", ("import", "plait.data.reading", 1))
    attacked(fault, "repro", own["repro"], reading, VALUE)

    # A file under `dvc add` is edited to the same size; later it is put back.
    for way in ("run", "sweep", "repro"):
        before, again = Step(kept[way]), Step(kept[way], edits=[edit(KEPT_VALUE)])
        back = Step(kept[way], edits=[put_back(KEPT_VALUE)])
        if way == "run":
            again.command = [*again.command, "data.seed=3"]
        if way == "sweep":
            again.command = [word.replace("21,22", "23,24") for word in again.command]
        back.command = again.command
        _name("a file under dvc add is edited to the same size", way, "kept", before, again, back)


_add_named()
