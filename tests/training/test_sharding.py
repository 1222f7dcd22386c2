"""Sharding of any network: parts that are gathered together compute as before."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from plait.training.devices import quiet
from plait.training.module import shard


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of this process alone."""
    store = torch.distributed.FileStore(str(tmp_path_factory.mktemp("mesh") / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield torch.distributed.init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


class Attention(nn.Module):
    """Reads the weights of a layer within it without calling that."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.attention(inputs, inputs, inputs)[0]
        return outputs


class Scaled(nn.Module):
    """A weight of its own, and a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.layer = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layer(inputs) * self.scale
        return outputs


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.other.weight = self.one.weight

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.other(self.one(inputs))
        return outputs


class Listed(nn.Module):
    """Weights in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.ones(4), torch.zeros(4)])
        self.layer = nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layer(inputs) * self.weights[0] + self.weights[1]
        return outputs


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "attention": lambda: nn.Sequential(nn.Linear(4, 4), Attention()),
    "scaled": lambda: nn.Sequential(Scaled(), nn.Linear(4, 4)),
    "scaled alone": Scaled,
    "tied": lambda: nn.Sequential(Tied(), nn.Linear(4, 4)),
    "listed": lambda: nn.Sequential(Listed(), nn.Linear(4, 4)),
    "one layer": lambda: nn.Linear(4, 4),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sharded_it_computes_and_learns_the_same(mesh: Any, name: str) -> None:
    inputs = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)).double()
    after = []
    for sharded in (False, True):
        torch.manual_seed(0)
        network = NETWORKS[name]().double()
        if sharded:
            shard(network, mesh)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        with quiet():
            for _ in range(2):
                optimizer.zero_grad()
                network(inputs).square().mean().backward()
                optimizer.step()
        after.append(
            {
                key: value.full_tensor() if isinstance(value, DTensor) else value
                for key, value in network.state_dict().items()
            }
        )
    plain, shared = after
    assert plain.keys() == shared.keys()
    for key, value in plain.items():
        assert torch.allclose(value, shared[key], rtol=0, atol=1e-14), key
