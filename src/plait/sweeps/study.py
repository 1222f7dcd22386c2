"""What a search knows of its trials: Optuna's study, in a database."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.json_types import Values
from plait.sweeps.pruning import open_storage
from plait.sweeps.space import Space

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

DRAW, OVERRIDES, IDENTITY = "draw", "overrides", "identity"
"""What the study keeps of each trial: which draw it is, what it set, and what was trained."""

REASON, FOR_GOOD = "reason", "for_good"
"""What the study keeps of a trial that failed: why, and whether another attempt would fail alike. A
draw that is no valid configuration has no `IDENTITY`, and is not tried again either."""

ROWS = "rows"
"""What the study keeps of the rows that its first finished trial was measured on."""


class Study:
    """The study of a search: the one there is, or a new one.

    :param url: of its database, as SQLAlchemy takes it.
    :param direction: ``minimize`` or ``maximize``.
    :param plan: what decides which trials there are, but for their number.
    :param fresh: begin it anew.
    :raises UserError: if its trials were drawn in another way.
    """

    def __init__(
        self, url: str, name: str, direction: str, space: Space, plan: Values, fresh: bool
    ) -> None:
        import optuna

        self.name, self._direction, self._space = name, direction, space
        self._storage = open_storage(url)
        known = {summary.study_name for summary in self._storage.get_all_studies()}
        if fresh and name in known:
            optuna.delete_study(study_name=name, storage=self._storage)
        self._study = optuna.create_study(
            study_name=name,
            storage=self._storage,
            sampler=optuna.samplers.RandomSampler(),
            direction=direction,
            load_if_exists=True,
        )
        if self._study.user_attrs.get("plan", plan) != plan:
            raise UserError(
                f"sweep.name: {name} is a search over other values, or in another way; choose"
                " another name, or begin it anew by --fresh"
            )
        self._study.set_user_attr("plan", plan)

    @property
    def trials(self) -> list["FrozenTrial"]:
        """Optuna's trials, in the order of their numbers; to be read alone."""
        found: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return found

    def latest(self) -> dict[int, "FrozenTrial"]:
        """The last attempt at each draw, by its number."""
        return {trial.user_attrs[DRAW]: trial for trial in self.trials}

    def draw(self, sampler: "BaseSampler", pruner: "BasePruner") -> Values:
        """The values, by key, that a sampler draws which knows all of the trials.

        Optuna is asked in a copy of the study, so that a trial enters the database whole: whoever
        is killed in between draws the same again.
        """
        import optuna

        copy = optuna.create_study(
            study_name=self.name, sampler=sampler, pruner=pruner, direction=self._direction
        )
        copy.add_trials(self.trials)
        return self._space.ask(copy)

    def add(self, values: Values, told: Values, *, refused: bool = False) -> int:
        """Enter a trial that is about to run.

        :param values: by key, what was drawn.
        :param told: what is kept of it, by the names above.
        :param refused: it is no valid configuration, and has failed already.
        :returns: its number in the study.
        """
        from optuna.trial import TrialState, create_trial

        self._study.add_trial(
            create_trial(
                state=TrialState.FAIL if refused else TrialState.RUNNING,
                params=values,
                distributions=self._space.distributions,
                user_attrs=told,
            )
        )
        number: int = self.trials[-1].number
        return number

    def finish(self, number: int, value: float) -> None:
        """End a trial with what it was worth."""
        self._study.tell(number, value)

    def prune(self, number: int) -> None:
        """End a trial that was pruned."""
        from optuna.trial import TrialState

        self._study.tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, reason: str, *, for_good: bool) -> None:
        """End a trial as failed, and leave the reason in the study."""
        from optuna.trial import TrialState

        study_id = self._storage.get_study_id_from_name(self.name)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self._storage.set_trial_user_attr(trial_id, REASON, reason)
        self._storage.set_trial_user_attr(trial_id, FOR_GOOD, for_good)
        self._study.tell(number, state=TrialState.FAIL)

    def same_rows(self, measured: Sequence[str]) -> bool:
        """Whether a trial was measured on the rows of the first one that tells.

        :param measured: the digest of its data, and that of the rows.
        """
        first = self._study.user_attrs.get(ROWS)
        if first is None:
            self._study.set_user_attr(ROWS, list(measured))
        return first is None or any(a == b for a, b in zip(first, measured, strict=True))
