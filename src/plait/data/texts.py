"""From the text column of a part to what a language model or a text estimator takes.

Imports nothing but numpy and pandas from outside: it travels with every logged model.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Dataset
from plait.data.preprocessing import Settings
from plait.data.targets import Targets, column_of, mean_and_scale
from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Preprocessor(Targets):
    """Hands on the texts as they are, and maps the target to what is learnt and back."""

    text: str
    """The column of texts."""

    @classmethod
    def fit(cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> "Preprocessor":
        """Fit the target's scale on the training part.

        :param train: (rows, …) of the training part.
        :param dataset: names of the columns, and the classes.
        :param settings: how to scale a regression's target.
        """
        import numpy as np

        (text,) = dataset.names("text")
        mean, scale = 0.0, 1.0
        if dataset.task == "regression" and settings.target_scaling == "standard":
            mean, scale = mean_and_scale(train[dataset.target].to_numpy(np.float64))
        return cls(dataset.task, dataset.target, dataset.classes, mean, scale, text)

    @property
    def width(self) -> int:
        """One text a row."""
        return 1

    def transform(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The texts, object, (rows,).

        :raises UserError: if the column is missing, or naming the row of a text that is.
        """
        import numpy as np

        texts = column_of(frame, self.text)
        missing = texts.isna().to_numpy()
        if missing.any():
            raise UserError(
                f"column {self.text!r}, row {texts.index[int(np.argmax(missing))]}: the text is"
                " missing"
            )
        return texts.astype("str").to_numpy(dtype=object)

    def to_json(self) -> dict[str, Any]:
        """Plain values from which `from_json` makes an equal preprocessor."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Preprocessor":
        """The preprocessor that `to_json` described."""
        return cls(**values | {"classes": tuple(values["classes"])})
