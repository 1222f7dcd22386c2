"""How columns become inputs."""

from typing import Literal

from plait.settings import Settings, setting


class EncoderSettings(Settings):
    """Of the section ``preprocessing`` what says how columns are encoded."""

    feature_scaling: Literal["standard", "none"] = setting(
        "scaling of numbers and dates; standard: to mean 0 and standard deviation 1; none: as"
        " they are"
    )
    impute: Literal["median", "mean"] = setting(
        "value that stands for a missing number or date, beside an input that says it was missing"
    )
    unseen: Literal["ignore", "error"] = setting(
        "treatment of a category that training has not seen; ignore: as a rare one, or as none"
    )
    rare_below: int = setting(
        "training rows below which the categories of a column share one input", unit="rows", ge=1
    )
    one_hot_up_to: int = setting(
        "most categories with an input each; a column of more has the mean target of each, fitted"
        " on other rows than it stands in",
        unit="categories",
        ge=1,
    )
    dates: Literal["parts", "days"] = setting(
        "inputs of a date; parts: days since 1970, month, day, weekday and hour; days: those alone"
    )
    identifiers: Literal["leave_out", "keep"] = setting(
        "treatment of a category with a value of its own in nearly every training row"
    )
