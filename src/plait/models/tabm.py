"""TabM: many multilayer perceptrons that share most of their weights (Gorishniy et al. 2025)."""

from typing import TYPE_CHECKING, Literal

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(NetworkSettings):
    """``model: tabm``."""

    members: int = setting("members of the ensemble within the network", unit="models", ge=2)
    blocks: int = setting("hidden layers of each member", ge=1)
    width: int = setting("width of every hidden layer", unit="neurons", ge=1)
    dropout: float = setting("dropout rate of every hidden layer's outputs", ge=0, lt=1)
    sharing: Literal["tabm", "tabm-mini", "tabm-packed"] = setting(
        "sharing of weights; tabm: all but factors of each layer's inputs and outputs, tabm-mini:"
        " all but factors of the first one's inputs, tabm-packed: none"
    )


def build(settings: Settings, shape: Shape) -> "nn.Module":
    """(rows, inputs) to (rows,), or to (rows, classes); of each member while it is trained."""
    from tabm import LinearEnsemble, make_tabm_backbone

    from plait.models.members import MemberNetwork

    packed = settings.sharing == "tabm-packed"

    class TabM(MemberNetwork):
        """The layers of the package, which stand here by themselves: what it wraps them in counts
        rows in a way that an export can't follow.
        """

        def __init__(self) -> None:
            super().__init__(shape, settings.members)
            self.backbone = make_tabm_backbone(
                d_in=shape.inputs,
                n_blocks=settings.blocks,
                d_block=settings.width,
                dropout=settings.dropout,
                k=settings.members,
                arch_type=settings.sharing,
                start_scaling_init=None if packed else "random-signs",
                # A sign for each input, whatever column it is of.
                start_scaling_init_chunks=None if packed else [1] * shape.inputs,
            )
            self.output = LinearEnsemble(settings.width, shape.outputs, k=settings.members)

        def each(self, features: "Tensor") -> "Tensor":
            expanded = features.unsqueeze(1).expand(-1, settings.members, -1)
            outputs: Tensor = self.output(self.backbone(expanded))
            return outputs

    return TabM()
