"""The contract of augmentation."""

from collections.abc import Iterator

from plait.settings import Chosen, Settings, setting


class AugmentationSettings(Settings):
    """Settings of a choice whose ``augment(settings, texts, seed)`` returns copies of texts.

    It is given the training part's texts, object (rows,), and returns object (copies, rows). A
    copy depends on the seed, its number, the row and its text alone. Validation and test stay as
    they are.
    """

    copies: int = setting("changed copies of each text, trained on beside it", ge=1)

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse a model that takes no texts."""
        if chosen.takes != "text":
            yield (
                f"augmentation: {chosen.names['augmentation']!r} changes texts, and data:"
                f" {chosen.names['data']} gives {chosen['data'].gives}; set it to null"
            )
