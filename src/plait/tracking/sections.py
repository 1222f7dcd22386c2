"""Sections of metrics: what stands before the slash in a metric's name."""

from plait.tracking import cost

BASELINE = "test_baseline"
"""The main metric of each baseline that is not naive."""

MEMBER = "test_member"
"""The main metric of each member of an ensemble."""

VALIDATION = "validation"
"""What the finished model reaches on the validation part. A curve, a value an epoch, is ``val``:
``val/accuracy`` is measured while the model is trained, ``validation/accuracy`` of the result."""

CV, CV_ERROR = "cv", "cv_error"
"""The mean over the folds of a cross-validation, and its standard error."""

FOLD = "cv_fold"
"""The main metric of each fold, by the member from which it was held out."""

HELD_OUT = (CV, VALIDATION)
"""What is measured on rows that are held out for choosing, the surest first."""

FINAL = (
    "test/",
    f"{VALIDATION}/",
    "test_interval/",
    "test_naive/",
    f"{BASELINE}/",
    f"{MEMBER}/",
    *(f"{CV}/", f"{CV_ERROR}/", f"{FOLD}/"),
    "model/",
    cost.PREFIX,
)
"""How the names of metrics begin that are no curves."""
