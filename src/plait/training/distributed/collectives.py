"""The processes that share a training, and what they tell each other; alone, all of it is local."""

import json
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Value = TypeVar("Value")


def world() -> tuple[int, int]:
    """The rank of this process, and the number of processes."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


@cache
def cpu_group() -> "ProcessGroup | None":
    """What the processes talk by where no weights are concerned: over the network, not the GPUs.

    To be asked for by all of them at the same point.
    """
    from torch import distributed

    group: ProcessGroup | None = distributed.new_group(backend="gloo")
    return group


def gather(value: Value) -> list[Value]:
    """The values of all processes by rank, on every process.

    :param value: of what JSON holds; nothing that comes in is executed.
    """
    if world()[1] == 1:
        return [value]
    import torch
    from torch import distributed

    text = bytearray(json.dumps(value).encode())
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(world()[1])]
    distributed.all_gather(sizes, torch.tensor([len(text)]), cpu_group())
    padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
    padded[: len(text)] = torch.frombuffer(text, dtype=torch.uint8)
    texts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(texts, padded, cpu_group())
    sent = zip(texts, sizes, strict=True)
    return [json.loads(bytes(text[: int(size)].numpy())) for text, size in sent]


def all_reduce_any(*flags: bool) -> list[bool]:
    """Each flag, or-ed over the processes; so all of them learn of it at the same step."""
    if world()[1] == 1:
        return list(flags)
    import torch
    from torch import distributed

    raised = torch.tensor(flags, dtype=torch.int8)
    distributed.all_reduce(raised, distributed.ReduceOp.MAX, cpu_group())
    return [bool(flag) for flag in raised]
