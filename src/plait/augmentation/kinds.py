"""The contract of augmentation."""

from plait.settings import Settings, setting


class AugmentationSettings(Settings):
    """Of a choice whose ``augment(settings, texts, seed)`` returns changed copies of texts.

    It is given the training part's texts, object (rows,), and returns object (copies, rows). A
    copy depends on the seed, its number, the row and its text alone. Validation and test stay as
    they are.
    """

    copies: int = setting("changed copies of each text, trained on beside it", ge=1)
