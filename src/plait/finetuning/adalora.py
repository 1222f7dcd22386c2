"""LoRA whose ranks are moved to where they matter, under a budget that shrinks.

Zhang et al. (2023), Adaptive budget allocation for parameter-efficient fine-tuning: products
P diag(E) Q with P and Q kept near orthogonal; entries of E are set to zero by their importance.
The initial rank is 1.5 times the final one, as in its section 4.1.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import model_validator

from plait.finetuning.base import FinetuningSettings, Targets
from plait.finetuning.targets import names_of
from plait.settings import Chosen, setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.rank_allocation import AdaLora


class Settings(FinetuningSettings):
    """``finetuning: adalora``."""

    rank: int = setting("mean rank of the low-rank factors at the end", ge=1)
    initial_rank: int = setting("rank of all low-rank factors at the start", ge=1)
    alpha: int = setting("numerator of the scale alpha / rank of the low-rank product", gt=0)
    dropout: float = setting("dropout rate of the inputs of the low-rank product", ge=0, lt=1)
    target_modules: Targets = setting("layers that get a low-rank product")
    warmup_fraction: float = setting(
        "fraction of all steps, at the start, in which ranks stay as they are", ge=0, lt=1
    )
    final_fraction: float = setting(
        "fraction of all steps, at the end, in which ranks stay as they are", ge=0, lt=1
    )
    allocation_interval: int = setting(
        "steps from one reallocation of ranks to the next", unit="steps", ge=1
    )
    orthogonality_weight: float = setting("weight of the orthogonality term in the loss", ge=0)

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse sharded weights: a rank is allocated by a look at all of a layer's weights."""
        if chosen.family == "language_model" and chosen["trainer"].strategy == "fsdp":
            yield (
                "trainer.strategy: fsdp shards the weights that finetuning: adalora ranks as a"
                " whole; set it to ddp, or choose lora"
            )

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.initial_rank <= self.rank:
            raise ValueError(
                f"initial_rank {self.initial_rank} must be above rank {self.rank}, to which the"
                " budget shrinks"
            )
        if self.warmup_fraction + self.final_fraction >= 1:
            raise ValueError(
                f"warmup_fraction {self.warmup_fraction} + final_fraction {self.final_fraction}"
                " leaves no steps between; their sum must be below 1"
            )
        return self


def apply(settings: Settings, body: "PreTrainedModel") -> "AdaLora":
    """Put a product beside each target."""
    from peft import AdaLoraConfig

    from plait.finetuning.rank_allocation import AdaLora

    config = AdaLoraConfig(
        target_r=settings.rank,
        init_r=settings.initial_rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=names_of(settings.target_modules, body),
        deltaT=settings.allocation_interval,
        orth_reg_weight=settings.orthogonality_weight,
        # The real ones are known when training begins.
        tinit=0,
        tfinal=0,
        total_step=1,
    )
    return AdaLora(
        body,
        config,
        warmup=settings.warmup_fraction,
        final=settings.final_fraction,
        orthogonality=settings.orthogonality_weight,
    )
