"""The closed form of least squares: exact, and the same bits on every CPU."""

import platform
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.closed_forms import told
from plait.models.base import Shape
from plait.models.exact_sums import BLOCK_ROWS, MOST_FEATURES, solve
from plait.models.least_squares import Settings, build, fit
from plait.tasks.regression.learning import TASK as REGRESSION
from training.fitting import in_other_process


def by_fractions(features: np.ndarray, targets: np.ndarray, ridge: float) -> list[float]:
    """Weights and bias of the normal equations, by elimination without any rounding."""
    rows = [[*map(Fraction, row), Fraction(1)] for row in features.tolist()]
    numbers = list(map(Fraction, targets.tolist()))
    size = len(rows[0])
    system = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)]
        + [sum(row[i] * number for row, number in zip(rows, numbers, strict=True))]
        for i in range(size)
    ]
    for i in range(size - 1):
        system[i][i] += Fraction(ridge)
    for i in range(size):
        system[i] = [value / system[i][i] for value in system[i]]
        for j in range(size):
            if j != i:
                factor = system[j][i]
                system[j] = [a - factor * b for a, b in zip(system[j], system[i], strict=True)]
    return [float(row[-1]) for row in system]


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.1, 50.0])
@pytest.mark.parametrize("scales", [(1, 1, 1), (1e-9, 1e8, 3.7), (1e-30, 1e20, 1)])
def test_every_coefficient_is_the_exact_one_rounded_once(
    ridge: float, scales: tuple[float, ...]
) -> None:
    generator = np.random.default_rng(1)
    features = generator.normal(size=(30, 3))
    features[:, 1] += 1e4 * features[:, 0]
    features *= scales
    features[0, 2] = 5e-324  # The least number that there is.
    targets = generator.normal(1e6, 1, size=30)
    found = solve(features, targets, ridge)
    assert found is not None
    assert [*found.weights, found.bias] == by_fractions(features, targets, ridge)


def test_rows_beyond_a_block_are_summed_exactly_too() -> None:
    generator = np.random.default_rng(2)
    features = generator.normal(size=(2 * BLOCK_ROWS + 5, 2))
    targets = generator.normal(size=len(features))
    found = solve(features, targets, 0.0)
    assert found is not None
    assert [*found.weights, found.bias] == by_fractions(features, targets, 0.0)


@pytest.mark.parametrize("ridge", [0.0, 1e-300])
@pytest.mark.parametrize("rows", [5, 40])
def test_of_equally_good_solutions_it_is_the_shortest(rows: int, ridge: float) -> None:
    generator = np.random.default_rng(3)
    plain = generator.normal(size=(rows, 4)) * [1, 0.1, 10, 1]
    features = np.column_stack(
        [plain, 3 * plain[:, 0], plain[:, 1] - plain[:, 2], np.full(rows, 7.0), plain[:, 3]]
    )
    targets = generator.normal(size=rows)
    found = solve(features, targets, ridge)
    assert found is not None
    centred = features - features.mean(axis=0)
    expected = np.linalg.pinv(centred, rcond=1e-11) @ (targets - targets.mean())
    assert found.weights == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.weights[0] == pytest.approx(found.weights[4] / 3, rel=1e-14)
    assert found.weights[6] == 0


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_a_feature_that_is_another_but_for_its_rounding_counts_as_the_same(scale: float) -> None:
    generator = np.random.default_rng(4)
    feature = generator.normal(size=50)
    features = np.column_stack([feature, feature * (1 + 1e-15 * generator.normal(size=50))])
    targets = 3 * feature + generator.normal(size=50)
    found = solve(scale * features, targets, 0.0)
    alone = solve(scale * features[:, :1], targets, 0.0)
    assert found is not None
    assert alone is not None
    assert found.weights == pytest.approx(alone.weights[0] / 2, rel=1e-9)


def test_what_has_nothing_to_learn_from_predicts_the_mean() -> None:
    generator = np.random.default_rng(5)
    for features, targets in (
        (np.ones((5, 2)), np.arange(5.0)),
        (np.zeros((5, 1)), np.full(5, 0.1)),
        (generator.normal(size=(5, 2)), np.full(5, 0.1)),
        (generator.normal(size=(1, 2)), np.array([3.5])),
    ):
        found = solve(features, targets, 0.0)
        assert found is not None
        assert not found.weights.any()
        assert found.bias == targets.mean()


def test_no_finite_solution_and_no_finite_number_are_refused_in_words() -> None:
    estimator = build(Settings(ridge=0.0), Shape(REGRESSION, 1, 1), 0)
    feature = np.array([[1e-200], [0.0]])
    with pytest.raises(ValueError, match="a coefficient is larger than any number of 64 bits"):
        fit(estimator, feature, np.array([1e200, 0.0]))
    with pytest.raises(ValueError, match="NaN"):
        fit(estimator, feature, np.array([np.nan, 0.0]))


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_what_is_too_large_to_solve_exactly_is_left_to_scikit_learn(ridge: float) -> None:
    generator = np.random.default_rng(6)
    features = generator.normal(size=(3, MOST_FEATURES + 1))
    targets = generator.normal(size=3)
    assert solve(features, targets, ridge) is None
    estimator = build(Settings(ridge=ridge), Shape(REGRESSION, MOST_FEATURES + 1, 1), 0)
    fit(estimator, features, targets)
    centred = features - features.mean(axis=0)
    inner = centred @ centred.T + ridge * np.eye(3)
    expected = centred.T @ np.linalg.pinv(inner) @ (targets - targets.mean())
    assert estimator.coef_ == pytest.approx(expected, rel=1e-8)
    # Of very many slices: numbers so far apart that there is no memory for them.
    features = 2.0 ** generator.uniform(-1000, 1000, size=(3, 40))
    assert solve(features, targets, ridge) is None


OTHER_CPUS = {
    "Nehalem": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX",
    },
    "Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
}
"""Environments in which the libraries take the kernels for older CPUs."""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names kernels of such CPUs")
@pytest.mark.parametrize("cpu", OTHER_CPUS)
def test_by_the_kernels_for_another_cpu_files_and_predictions_are_the_same(
    cpu: str, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from models.closed_forms import told\n"
        "print(*told(Path(sys.argv[1])), sep='\\n')\n"
    )
    result = in_other_process(code, str(tmp_path), env=OTHER_CPUS[cpu])
    assert result.returncode == 0, result.stderr
    here, there = told(tmp_path), result.stdout.splitlines()
    assert here[:-1] == there[:-1]
    # Else the environment has changed nothing, and nothing is shown.
    assert here[-1] != there[-1]
