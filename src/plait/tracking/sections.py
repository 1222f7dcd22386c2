"""Sections of metrics: what stands before the slash in a metric's name."""

from plait.tracking import cost

BASELINE = "test_baseline"
"""The main metric of each baseline that is not naive."""

MEMBER = "test_member"
"""The main metric of each member of an ensemble."""

CV, CV_ERROR = "cv", "cv_error"
"""The mean over the folds of a cross-validation, and its standard error."""

FOLD = "cv_fold"
"""The main metric of each fold, by the member from which it was held out."""

FINAL = (
    "test/",
    "test_interval/",
    "test_naive/",
    f"{BASELINE}/",
    f"{MEMBER}/",
    *(f"{CV}/", f"{CV_ERROR}/", f"{FOLD}/"),
    "model/",
    cost.PREFIX,
)
"""How the names of metrics begin that are no curves."""
