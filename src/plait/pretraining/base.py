"""The contract of pretraining."""

from plait.settings import Settings


class PretrainingSettings(Settings):
    """Settings of a choice whose ``pretrain_once`` goes on with the training of a pretrained
    transformer.

    It leaves in ``outputs["pretrained"]`` what `plait.models.pretrained.Pretrained` reads
    (configuration, tokenizer, weights), the curves, and `plait.workspace.PRETRAINED`.
    """

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files that it reads."""
        return ()
