"""In-memory batches: one permutation an epoch, sliced; no per-sample collation.

The order depends on the seed and the epoch alone: not on devices, workers or threads.
"""

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from plait.models.base import Inputs
from plait.objectives.base import AnyBatch, Batch, WeightedBatch

Item = TypeVar("Item")

POOL = 64
"""Batches over which rows are sorted by length: random enough, and little padding."""


class Rows(Dataset[AnyBatch]):
    """All rows of a part; an index is a tensor of row numbers."""

    def __init__(self, inputs: Inputs, targets: Tensor, weights: Tensor | None = None) -> None:
        """Take inputs of at least as many rows as there are targets, and weights, (rows,)."""
        self._take, self.targets, self.weights = inputs.take, targets, weights
        self.evaluation_rows = inputs.evaluation_rows
        self.lengths: Tensor | None = None
        if inputs.lengths is not None:
            self.lengths = torch.from_numpy(inputs.lengths[: len(targets)])

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.targets)

    def __getitem__(self, rows: Tensor) -> AnyBatch:
        """The rows of the given numbers, in their order."""
        if self.weights is None:
            return Batch(self._take(rows), self.targets[rows], rows)
        return WeightedBatch(self._take(rows), self.targets[rows], rows, self.weights[rows])


class DistributedBatchSampler(Sampler[Tensor]):
    """Row numbers of each micro-batch of this process.

    Global batch k of an epoch is the k-th slice of one permutation of all rows; each of ``world``
    processes takes every ``world``-th row of it, in pieces of ``micro`` rows. Nothing is dropped,
    and all processes have equally many pieces, of which the last ones may be empty.

    Rows that differ in length are sorted by it within each `POOL` batches of the permutation, and
    the batches are then shuffled, so that rows of a batch are of like length.

    :param lengths: int64, (rows,).
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        *,
        seed: int = 0,
        micro: int | None = None,
        shuffle: bool = True,
        rank: int = 0,
        world: int = 1,
        lengths: Tensor | None = None,
    ) -> None:
        self.rows, self.batch_size, self.seed, self.shuffle = rows, batch_size, seed, shuffle
        self.rank, self.world = rank, world
        self.lengths = lengths
        share = -(-batch_size // world)
        self.micro = min(micro or share, share)
        self.epoch = 0
        self.skipped = 0

    @property
    def pieces(self) -> int:
        """Micro-batches of a whole global batch, in each process."""
        return self._pieces(self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def skip(self, batches: int) -> None:
        """Leave out the first global batches of the next epoch that is begun."""
        self.skipped = batches

    def __len__(self) -> int:
        """Micro-batches an epoch."""
        whole, rest = divmod(self.rows, self.batch_size)
        return whole * self.pieces + self._pieces(rest)

    def __iter__(self) -> Iterator[Tensor]:
        """Row numbers, int64, (rows,), of one micro-batch after another."""
        order = self._order()
        skipped, self.skipped = self.skipped, 0
        for batch in torch.split(order, self.batch_size)[skipped:]:
            share = batch[self.rank :: self.world]
            for piece in range(self._pieces(len(batch))):
                yield share[piece * self.micro : (piece + 1) * self.micro]

    def _order(self) -> Tensor:
        """All row numbers, in the order of the epoch's global batches."""
        if not self.shuffle:
            return torch.arange(self.rows) if self.lengths is None else _sorted(self.lengths)
        # Mixed so that neighbouring seeds and epochs share no stream.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.rows, generator=generator)
        if self.lengths is None:
            return order
        pools = torch.split(order, POOL * self.batch_size)
        order = torch.cat([pool[_sorted(self.lengths[pool])] for pool in pools])
        whole = self.rows // self.batch_size
        batches = torch.split(order, self.batch_size)
        shuffled = [batches[place] for place in torch.randperm(whole, generator=generator)]
        return torch.cat([*shuffled, *batches[whole:]])

    def _pieces(self, rows: int) -> int:
        """The number of micro-batches of a global batch of so many rows."""
        share = -(-rows // self.world)
        return -(-share // self.micro)


class Batches:
    """A part cut into batches: in this process, or by ``workers`` others in the same order."""

    batch_sampler = None  # Lightning asks every loader with a sampler for it.

    def __init__(self, dataset: Rows, sampler: DistributedBatchSampler, workers: int = 0) -> None:
        self.dataset, self.sampler = dataset, sampler
        self._loader: DataLoader[AnyBatch] | None = None
        self._iterator: Iterator[AnyBatch] | None = None
        if workers:
            self._loader = DataLoader(
                dataset,
                batch_size=None,
                sampler=sampler,
                num_workers=workers,
                collate_fn=_as_it_is,
                persistent_workers=True,
                # Of its own, or starting the workers would draw from the generator of the layers.
                generator=torch.Generator().manual_seed(sampler.seed),
            )

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[AnyBatch]:
        """The batches of the sampler's epoch, which is asked for when the first is."""
        if self._loader is not None:
            self._iterator = iter(self._loader)
            yield from self._iterator
            return
        for rows in self.sampler:
            yield self.dataset[rows]

    def close(self) -> None:
        """End the workers.

        The garbage collector would close their queues first, so that they are never told: each
        would be waited for, for ten seconds, whenever it comes to that.
        """
        if isinstance(self._iterator, _MultiProcessingDataLoaderIter):
            self._iterator._shutdown_workers()

    def state_dict(self) -> dict[str, int]:
        """Nothing: `plait.training.checkpoints` knows where a training stands."""
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Says to Lightning that a training may go on in the middle of an epoch."""


def _sorted(lengths: Tensor) -> Tensor:
    """Places by length, equal ones in their order."""
    return torch.sort(lengths, stable=True).indices


def _as_it_is(batch: Item) -> Item:
    return batch
