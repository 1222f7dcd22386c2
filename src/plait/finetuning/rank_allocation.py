"""Low-rank products whose ranks are allocated while they are trained."""

from typing import TYPE_CHECKING, Any

from torch import Tensor

from plait.finetuning.base import MethodState
from plait.finetuning.peft_methods import MergingPeft

if TYPE_CHECKING:
    from peft import AdaLoraConfig
    from transformers import PreTrainedModel


class AdaLora(MergingPeft):
    """Allocates ranks after each step."""

    def __init__(
        self,
        body: "PreTrainedModel",
        config: "AdaLoraConfig",
        *,
        warmup: float,
        final: float,
        orthogonality: float,
    ) -> None:
        super().__init__(body, config)
        self._warmup, self._final, self._orthogonality = warmup, final, orthogonality
        self._steps = 0
        self._pattern: dict[str, list[bool]] | None = None

    @property
    def _allocator(self) -> Any:
        peft: Any = self.body
        return peft.base_model.rankallocator

    def begin(self, steps: int) -> None:
        """Lay the budget's schedule over the steps that there are."""
        self._steps = steps
        config = self._allocator.peft_config
        config.tinit = int(self._warmup * steps)
        config.tfinal = int(self._final * steps)
        config.total_step = steps

    def penalty(self) -> Tensor | None:
        """The weighted mean of ||PᵀP - I|| and ||QQᵀ - I||: how far P and Q are from orthogonal."""
        if not self._orthogonality:
            return None
        import torch

        terms = []
        for name, weight in self.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                # Half precision would round the distance itself away.
                with torch.autocast(weight.device.type, enabled=False):
                    product = weight @ weight.T if "lora_A" in name else weight.T @ weight
                    unit = torch.eye(len(product), dtype=product.dtype, device=product.device)
                    terms.append(torch.linalg.norm(product - unit))
        return self._orthogonality * torch.stack(terms).mean()

    def after_step(self, step: int, skipped: bool) -> None:
        """Note how important each entry is, and set to zero what the budget does not hold."""
        peft: Any = self.body
        model, allocator = peft.base_model.model, self._allocator
        last = self._steps - allocator.peft_config.tfinal
        if (step < last or not allocator.ipt) and not skipped:
            allocator.update_ipt(model)
        if not allocator.ipt:
            return
        if step < last:
            budget, due = allocator.budget_schedule(step)
            if due:
                allocator.mask_to_budget(model, budget)
            return
        if self._pattern is None:
            self._pattern = allocator.mask_to_budget(model, allocator.target_bgt)
        # What has been set to zero stays there.
        allocator.mask_using_rank_pattern(model, self._pattern)

    def method_state(self) -> MethodState:
        """Importances so far, and which entries are left once that is final."""
        allocator = self._allocator
        return {
            "importance": dict(allocator.ipt),
            "mean": dict(allocator.exp_avg_ipt),
            "spread": dict(allocator.exp_avg_unc),
            "pattern": self._pattern,
        }

    def load_method_state(self, state: MethodState) -> None:
        """Go on from such a state."""
        allocator = self._allocator
        allocator.ipt = dict(state["importance"])
        allocator.exp_avg_ipt = dict(state["mean"])
        allocator.exp_avg_unc = dict(state["spread"])
        self._pattern = state["pattern"]
