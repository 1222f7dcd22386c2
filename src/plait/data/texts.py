"""From the text column of a part to what a language model or a text estimator takes.

Imports nothing but numpy and pandas from outside: it travels with every logged model.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.data.dataset import Dataset
from plait.data.preprocessing import Preprocessor, Settings, fit_target
from plait.data.raw_column import column_of
from plait.errors import UserError
from plait.json_types import Values, text_at
from plait.tasks.base import TargetEncoder
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class TextPreprocessor(Preprocessor):
    """Hands on the texts as they are, and maps the target to what is learnt and back."""

    target: TargetEncoder
    text: str
    """The column of texts."""

    @classmethod
    def fit(cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> "TextPreprocessor":
        """Fit the target's scale on the training part.

        :param train: (rows, …) of the training part.
        :param dataset: names of the columns, and the classes.
        :param settings: how to scale a regression's target.
        """
        (text,) = dataset.names("text")
        return cls(fit_target(train, dataset, settings), text)

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

    def to_json(self) -> Values:
        """Plain values from which `from_json` makes an equal preprocessor."""
        return {**self.target.to_json(), "text": self.text}

    @classmethod
    def from_json(cls, values: Values) -> "TextPreprocessor":
        """The preprocessor that `to_json` described."""
        of_target = {key: value for key, value in values.items() if key != "text"}
        return cls(task_named(text_at(values, "task")).encoder(of_target), text_at(values, "text"))


PREPROCESSOR = TextPreprocessor
