"""Sections of metrics: what stands before the slash in a metric's name."""

from plait.tracking import cost

BASELINE = "test_baseline"
"""The main metric of each baseline that is not naive."""

MEMBER = "test_member"
"""The main metric of each member of an ensemble."""

FOLD = "cv_fold"
"""The main metric of each fold, by the member from which it was held out; ``cv`` has the mean of
every metric over the folds, and ``cv_error`` its standard error."""

FINAL = (
    "test/",
    "test_interval/",
    "test_naive/",
    f"{BASELINE}/",
    f"{MEMBER}/",
    *("cv/", "cv_error/", f"{FOLD}/"),
    "model/",
    cost.PREFIX,
)
"""How the names of metrics begin that are no curves."""
