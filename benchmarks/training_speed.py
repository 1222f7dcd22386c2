"""Time of the default training against a plain PyTorch loop on the same data, in turn.

Prints the ratio of medians; a plain loop has no curves, no checkpoints and no recording.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from plait.config.compose import Project
from plait.config.registry import module_of, settings_of
from plait.data.dataset import Dataset, read_part
from plait.data.write import write
from plait.training.fit import fit

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of trainings (%(default)s)")
    rounds = parser.parse_args().rounds
    resolved = Project(ROOT).compose("linear_regression")
    settings = settings_of("data", "synthetic")(**resolved.settings("data"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "data"
        write(module_of("data", "synthetic").read(settings, ROOT), "synthetic", folder)
        dataset, train = Dataset.read(folder), read_part(folder, "train")
        assert train is not None
        seconds: dict[str, list[float]] = {"plait": [], "plain": []}
        for number in range(rounds + 1):
            began = time.perf_counter()
            fit(
                resolved,
                dataset,
                train,
                None,
                checkpoints=Path(temporary) / "checkpoints",
                observe=lambda epoch, values: None,
            )
            middle = time.perf_counter()
            plain(train, dataset, resolved["trainer.max_epochs"], resolved["batch_size"])
            if number:  # the first round pays the imports
                seconds["plait"].append(middle - began)
                seconds["plain"].append(time.perf_counter() - middle)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print({name: f"{value:.2f} s" for name, value in medians.items()})
    print(f"plait / plain: {medians['plait'] / medians['plain']:.2f}")


def plain(train: object, dataset: Dataset, epochs: int, batch_size: int) -> None:
    """The loop that one would write by hand, with a `DataLoader`."""
    import pandas as pd
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    assert isinstance(train, pd.DataFrame)
    names = [column.name for column in dataset.features]
    features = torch.tensor(train[names].to_numpy(), dtype=torch.float32)
    targets = torch.tensor(train[dataset.target].to_numpy(), dtype=torch.float32)
    model = torch.nn.Linear(features.shape[1], 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(features, targets), batch_size=batch_size, shuffle=True)
    for _ in range(epochs):
        for inputs, truth in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs).squeeze(-1), truth)
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
