"""The small real data sets that scikit-learn brings along."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from plait.data.base import SourceSettings
from plait.data.dataset import Column, Source
from plait.data.splits import Split, assign
from plait.settings import setting

if TYPE_CHECKING:
    import pandas as pd

_CITATIONS = {
    "diabetes": "Efron, Hastie, Johnstone, Tibshirani (2004), Least Angle Regression,"
    " Annals of Statistics 32, 407-499",
    "breast_cancer": "Street, Wolberg, Mangasarian (1993), Nuclear feature extraction for breast"
    " tumor diagnosis, IS&T/SPIE 1905, 861-870",
    "wine": "Forina et al. (1991), PARVUS: an extendable package of programs for data exploration",
    "digits": "Kaynak (1995), Methods of combining multiple classifiers and their applications to"
    " handwritten digit recognition, Bogazici University",
}
_ORIGINS = {
    "diabetes": "https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
    "breast_cancer": "UCI Machine Learning Repository, Breast Cancer Wisconsin (Diagnostic)",
    "wine": "UCI Machine Learning Repository, Wine",
    "digits": "UCI Machine Learning Repository, Optical Recognition of Handwritten Digits (test)",
}


class Settings(SourceSettings):
    """Which set, and its split."""

    divided_by: ClassVar = ("random", "stratified")

    name: Literal["diabetes", "breast_cancer", "wine", "digits"] = setting(
        "data set: diabetes (regression, 442 rows), breast_cancer (2 classes, 569), wine (3"
        " classes, 178) or digits (10 classes, 1797)"
    )
    seed: int = setting("seed of the split", ge=0)
    split: Split = setting("division of the rows into parts")

    @property
    def task(self) -> str:
        """Diabetes is a regression, the others are classifications."""
        return "regression" if self.name == "diabetes" else "classification"


def read(settings: Settings, root: Path) -> Source:
    """Read a set, in its raw units.

    :param settings: which.
    :param root: unused; the data come from no file of the project.
    :returns: float64 features and the target: a number, or the name of a class.
    """
    import sklearn

    features, target, classes = _load(settings.name)
    frame = features.assign(target=target)
    return Source(
        task=settings.task,
        columns=(
            *(Column(str(name), "feature", "number") for name in features),
            Column("target", "target", "category" if classes else "number"),
        ),
        part_of_row=assign(settings.split, len(frame), seed=settings.seed, labels=target),
        chunks=[frame],
        provenance={
            "name": settings.name,
            "origin": _ORIGINS[settings.name],
            "version": f"as in scikit-learn {sklearn.__version__}",
            "citation": _CITATIONS[settings.name],
        },
        licence="the data's own is not stated by scikit-learn, which ships them under BSD-3-Clause",
        classes=classes,
    )


def _load(name: str) -> "tuple[pd.DataFrame, pd.Series, tuple[str, ...]]":
    import pandas as pd
    from sklearn import datasets

    if name == "diabetes":
        # Raw: its ready-scaled form was scaled on all rows, the test part's among them.
        bunch = datasets.load_diabetes(scaled=False)
    else:
        bunch = getattr(datasets, f"load_{name}")()
    features = pd.DataFrame(bunch.data, columns=[str(column) for column in bunch.feature_names])
    if name == "diabetes":
        return features, pd.Series(bunch.target), ()
    classes = tuple(str(label) for label in bunch.target_names)
    return features, pd.Series([classes[number] for number in bunch.target], dtype="str"), classes
