"""The contract of pretraining."""

from plait.settings import Settings

PRETRAINED = "pretrained.json"
"""Beside the model: what it learnt from; all there is where nothing is pretrained."""


class PretrainingSettings(Settings):
    """Settings of a choice whose ``pretrain_once`` goes on with the training of a pretrained
    transformer.

    It leaves in ``outputs["pretrained"]`` what `plait.models.pretrained.Pretrained` reads
    (configuration, tokenizer, weights), the curves, and `PRETRAINED`.
    """

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files that it reads."""
        return ()
