"""Dropout by rows: the same mask wherever a row is."""

import pytest
import torch
from torch import nn

from plait.models.counter_rng import CounterRNG, mixed, spared, splitmix64_int
from plait.training.distributed.deterministic_layers import RowDropout, exact


def dropped(rows: torch.Tensor, step: int = 0, number: int = 0, seed: int = 0) -> torch.Tensor:
    draws = CounterRNG(seed)
    draws.step, draws.rows = step, rows
    return RowDropout(0.3, number, draws)(torch.ones(len(rows), 64, dtype=torch.float64))


def test_the_share_is_dropped_and_the_rest_is_scaled() -> None:
    values = dropped(torch.arange(20_000))
    assert set(values.unique().tolist()) == {0.0, 1 / 0.7}
    share = (values == 0).double()
    # Four standard errors of a binomial, of all, of a column and of a row.
    assert abs(share.mean() - 0.3) < 4 * (0.21 / share.numel()) ** 0.5
    assert abs(share.mean(0) - 0.3).max() < 4 * (0.21 / 20_000) ** 0.5
    assert share.mean(1).std() == pytest.approx((0.21 / 64) ** 0.5, rel=0.05)


@pytest.mark.parametrize(("rows", "places"), [(0, 5), (3, 0), (1, 1), (300, 77), (2, 70_000)])
def test_each_pair_draws_for_itself_however_many_there_are(rows: int, places: int) -> None:
    draw = torch.Generator().manual_seed(rows + places)
    row_keys, place_keys = (
        torch.randint(-(2**62), 2**62, (count,), generator=draw) for count in (rows, places)
    )
    kept = spared(row_keys, place_keys, 0.3)
    assert kept.shape == (rows, places)
    whole = mixed(row_keys[:, None] ^ place_keys) & (2**31 - 1)
    assert torch.equal(kept, whole >= int(0.3 * 2**31))


def test_rows_places_steps_layers_and_seeds_draw_apart() -> None:
    rows = torch.arange(4000)
    first = (dropped(rows) == 0).double()
    others = [
        dropped(rows, step=1),
        dropped(rows, number=1),
        dropped(rows, seed=1),
        dropped(rows).roll(1, 0),
        dropped(rows).roll(1, 1),
    ]
    for other in others:
        together = torch.stack([first.ravel(), (other == 0).double().ravel()])
        assert abs(torch.corrcoef(together)[0, 1]) < 4 / first.numel() ** 0.5


def test_a_rows_mask_does_not_depend_on_the_batch_it_is_in() -> None:
    rows = torch.randperm(100)
    assert torch.equal(dropped(rows)[::3], dropped(rows[::3]))
    assert dropped(rows[:0]).shape == (0, 64)


def test_evaluating_changes_nothing() -> None:
    layer = RowDropout(0.5, 0, CounterRNG(0)).eval()
    values = torch.randn(5, 3)
    assert layer(values) is values


def test_numbers_are_mixed_alike_alone_and_in_tensors() -> None:
    numbers = [0, 1, -3, 2**62, -(2**63)]
    assert mixed(torch.tensor(numbers)).tolist() == [splitmix64_int(number) for number in numbers]


def test_torchs_own_layers_are_replaced_and_weights_keep_their_names() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.2)))
    names = list(network.state_dict())
    replaced = exact(network, CounterRNG(0))
    assert [type(layer).__name__ for layer in replaced.modules()].count("RowDropout") == 1
    assert list(replaced.state_dict()) == names
    assert isinstance(exact(nn.Dropout(0.1), CounterRNG(0)), RowDropout)
