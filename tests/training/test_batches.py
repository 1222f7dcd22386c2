"""One permutation an epoch, cut into batches."""

import torch

from plait.models.base import Inputs
from plait.training.batches import Batches, DistributedBatchSampler, Rows


def epoch(order: DistributedBatchSampler, number: int = 0) -> list[list[int]]:
    order.set_epoch(number)
    return [rows.tolist() for rows in order]


def test_every_row_comes_once_an_epoch_and_none_is_dropped() -> None:
    order = DistributedBatchSampler(13, 4, seed=3)
    for number in range(5):
        batches = epoch(order, number)
        assert [len(batch) for batch in batches] == [4, 4, 4, 1]
        assert sorted(sum(batches, [])) == list(range(13))


def test_each_epoch_and_each_seed_has_an_order_of_its_own() -> None:
    orders = {
        tuple(sum(epoch(DistributedBatchSampler(40, 8, seed=seed), number), []))
        for seed in range(6)
        for number in range(6)
    }
    assert len(orders) == 36
    assert epoch(DistributedBatchSampler(40, 8, seed=2), 5) == epoch(
        DistributedBatchSampler(40, 8, seed=2), 5
    )


def test_without_shuffling_rows_keep_the_sources_order() -> None:
    assert epoch(DistributedBatchSampler(5, 2, shuffle=False), 7) == [[0, 1], [2, 3], [4]]


def test_the_shares_of_several_processes_partition_every_batch() -> None:
    whole = epoch(DistributedBatchSampler(22, 8, seed=1), 2)
    shares = [
        epoch(DistributedBatchSampler(22, 8, seed=1, rank=rank, world=3), 2) for rank in range(3)
    ]
    for batch, pieces in zip(whole, zip(*shares, strict=True), strict=True):
        assert sorted(sum(pieces, [])) == sorted(batch)


def test_all_processes_have_as_many_pieces_and_some_have_no_rows() -> None:
    """Else one would wait for another's gradients for good."""
    for rows, batch_size, micro, world in [(22, 8, 2, 3), (7, 7, 2, 3), (1, 4, None, 3)]:
        orders = [
            DistributedBatchSampler(rows, batch_size, micro=micro, rank=rank, world=world)
            for rank in range(world)
        ]
        shares = [epoch(order) for order in orders]
        assert len({len(share) for share in shares} | {len(order) for order in orders}) == 1
        assert sorted(row for share in shares for piece in share for row in piece) == [*range(rows)]
        assert all(len(piece) <= orders[0].micro for share in shares for piece in share)
    assert shares[1:] == [[[]], [[]]]


def test_an_epoch_is_gone_on_with_after_so_many_batches() -> None:
    order = DistributedBatchSampler(21, 8, seed=1, micro=3)
    whole = epoch(order)
    order.skip(2)
    assert epoch(order) == whole[6:]
    assert epoch(order) == whole


def test_micro_batches_cut_each_batch_and_never_span_two() -> None:
    order = DistributedBatchSampler(21, 8, seed=1, micro=3)
    pieces = epoch(order)
    assert [len(piece) for piece in pieces] == [3, 3, 2, 3, 3, 2, 3, 2]
    assert len(order) == len(pieces)
    assert sum(pieces, []) == sum(epoch(DistributedBatchSampler(21, 8, seed=1)), [])


def test_the_length_is_the_number_of_batches() -> None:
    for rows in (1, 7, 8, 9, 64):
        for micro in (1, 3, 8):
            order = DistributedBatchSampler(rows, 8, micro=micro)
            assert len(order) == len(list(order)), (rows, micro)


def test_worker_processes_give_the_batches_of_this_process() -> None:
    features = torch.randn(50, 3)
    rows = Rows(Inputs(features.__getitem__, None, 4096), torch.arange(50.0))
    here = Batches(rows, DistributedBatchSampler(50, 8, seed=4))
    there = Batches(rows, DistributedBatchSampler(50, 8, seed=4), workers=2)
    assert isinstance(here, Batches)
    assert len(here) == 7
    for mine, theirs in zip(here, there, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
        assert torch.equal(mine.features, features[mine.rows])


def like_lengths(lengths: torch.Tensor, batch_size: int, epoch: int = 0) -> DistributedBatchSampler:
    order = DistributedBatchSampler(len(lengths), batch_size, seed=1, lengths=lengths)
    order.set_epoch(epoch)
    return order


def test_rows_of_a_batch_are_of_like_length_and_each_row_comes_once() -> None:
    lengths = torch.randint(5, 500, (1003,), generator=torch.Generator().manual_seed(0))
    batches = list(like_lengths(lengths, 8))
    assert sorted(torch.cat(batches).tolist()) == list(range(1003))
    assert [len(batch) for batch in batches] == [8] * 125 + [3]
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    shuffled = list(DistributedBatchSampler(1003, 8, seed=1))
    plain = sum(len(batch) * int(lengths[batch].max()) for batch in shuffled)
    assert padded < 1.1 * int(lengths.sum())
    assert plain > 1.5 * int(lengths.sum())
    # Neither short ones first nor long ones.
    means = torch.stack([lengths[batch].double().mean() for batch in batches])
    assert abs(float(means[:60].mean() - means[60:].mean())) < 60


def test_their_order_too_depends_on_seed_and_epoch_alone() -> None:
    lengths = torch.arange(100).flip(0) % 37
    first, again, other = (list(like_lengths(lengths, 8, epoch)) for epoch in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    ranks = [
        DistributedBatchSampler(100, 8, seed=1, lengths=lengths, rank=rank, world=2)
        for rank in (0, 1)
    ]
    for whole, *shares in zip(first, *ranks, strict=True):
        assert sorted(torch.cat(shares).tolist()) == sorted(whole.tolist())


def test_without_shuffling_rows_come_by_length() -> None:
    lengths = torch.tensor([3, 1, 2, 1])
    (rows,) = DistributedBatchSampler(4, 8, shuffle=False, lengths=lengths)
    assert rows.tolist() == [1, 3, 2, 0]
