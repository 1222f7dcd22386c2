import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from plait.data.dataset import Column, Dataset
from plait.data.preprocessing import ColumnPreprocessor, Settings
from plait.errors import UserError

STANDARD = Settings(feature_scaling="standard", target_scaling="standard", impute="median")
PLAIN = Settings(feature_scaling="none", target_scaling="none", impute="mean")

COLUMNS = (
    Column("row", "index", "number"),
    Column("size", "feature", "number"),
    Column("city", "feature", "category"),
    Column("sold", "feature", "date"),
    Column("note", "extra", "number"),
    Column("price", "target", "number"),
)


def dataset(columns=COLUMNS, task="regression", classes=()):
    return Dataset("table", task, columns, classes, {}, "", {}, "", {}, {})


def rows(number=50):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row": np.arange(number) + 100,
            "size": rng.uniform(40, 200, number),
            "city": pd.Series([("Bonn", "Aachen", "Köln")[n % 3] for n in range(number)]),
            "sold": pd.Series(pd.date_range("2024-01-01", periods=number)),
            "note": np.nan,
            "price": rng.uniform(100, 900, number),
        }
    )


def fit(train, settings=STANDARD, **of):
    return ColumnPreprocessor.fit(train, dataset(**of), settings)


def test_numbers_and_dates_are_scaled_and_categories_are_one_hot():
    train = rows()
    fitted = fit(train)
    assert fitted.input_names == ["size", "city=Aachen", "city=Bonn", "city=Köln", "sold"]
    inputs = fitted.transform(train)
    assert inputs.shape == (50, 5)
    assert inputs.dtype == np.float64
    np.testing.assert_allclose(inputs[:, [0, 4]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(inputs[:, [0, 4]].std(axis=0), 1)
    assert inputs[0, 1:4].tolist() == [0, 1, 0]
    assert (inputs[:, 1:4].sum(axis=1) == 1).all()


def test_scaling_is_that_of_scikit_learn():
    from sklearn.preprocessing import StandardScaler

    train = rows()
    reference = StandardScaler().fit_transform(train[["size"]])[:, 0]
    np.testing.assert_allclose(fit(train).transform(train)[:, 0], reference, atol=1e-12)


def test_without_scaling_numbers_stay_and_dates_are_days():
    train = rows()
    inputs = fit(train, PLAIN).transform(train)
    assert (inputs[:, 0] == train["size"]).all()
    assert inputs[0, 4] == (pd.Timestamp("2024-01-01") - pd.Timestamp("1970-01-01")).days


def test_only_training_rows_are_fitted():
    fitted = fit(rows())
    later = rows().assign(size=1e6)
    assert fitted.transform(later)[:, 0].min() > 1000


def test_the_target_goes_there_and_back():
    train = rows()
    fitted = fit(train)
    encoded = fitted.target.encode(train)
    assert encoded.mean() == pytest.approx(0)
    assert encoded.std() == pytest.approx(1)
    np.testing.assert_allclose(fitted.target.decode(encoded), train["price"])
    assert (fit(train, PLAIN).target.encode(train) == train["price"]).all()


CLASSES = {"task": "classification", "classes": ("low", "high")}


def test_classes_become_their_numbers():
    train = rows().assign(price=["high", "low"] * 25)
    fitted = fit(train, **CLASSES)
    encoded = fitted.target.encode(train)
    assert encoded.dtype == np.int64
    assert encoded[:2].tolist() == [1, 0]


def test_a_label_that_is_no_class_is_refused():
    train = rows().assign(price=["high", "low"] * 25)
    fitted = fit(train, **CLASSES)
    with pytest.raises(UserError, match=r"'price', row 1: 'middle' is no class.*low, high"):
        fitted.target.encode(pd.DataFrame({"price": ["low", "middle"]}))


@pytest.mark.parametrize(("impute", "fill"), [("median", 2.0), ("mean", 3.0)])
def test_missing_numbers_are_imputed_with_an_input_that_says_so(impute, fill):
    train = pd.DataFrame({"size": [1.0, 2.0, np.nan, 6.0], "price": [1.0, 2.0, 3.0, 4.0]})
    columns = (COLUMNS[1], COLUMNS[-1])
    settings = Settings(feature_scaling="none", target_scaling="none", impute=impute)
    fitted = fit(train, settings, columns=columns)
    assert fitted.input_names == ["size", "size is missing"]
    assert fitted.transform(train).tolist() == [[1, 0], [2, 0], [fill, 1], [6, 0]]


def test_missing_categories_and_dates_are_imputed_too():
    train = rows()
    train.loc[4, "city"] = None
    train.loc[7, "sold"] = pd.NaT
    fitted = fit(train)
    assert [name for name in fitted.input_names if name.endswith("is missing")] == [
        "city is missing",
        "sold is missing",
    ]
    inputs = fitted.transform(train)
    assert np.isfinite(inputs).all()
    assert inputs[4, 1:5].tolist() == [0, 0, 0, 1]
    assert inputs[7, -1] == 1
    assert inputs[:, -1].sum() == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "city",
            "Ulm",
            "column 'city', row 103: training has not seen the category 'Ulm'; "
            "it knows Aachen, Bonn, Köln",
        ),
        ("city", None, "column 'city', row 103: the value is missing"),
        ("size", np.nan, "column 'size', row 103: the value is missing"),
        ("sold", pd.NaT, "column 'sold', row 103: the value is missing"),
        ("size", np.inf, "column 'size', row 103: inf is infinite"),
        ("size", "large", "column 'size', row 103: 'large' is not a number"),
        ("sold", "soon", "column 'sold', row 103: 'soon' is not a date"),
    ],
)
def test_a_value_that_a_model_cannot_take_is_named(column, value, message):
    fitted = fit(rows())
    bad = rows().astype({column: object})
    bad.loc[3, column] = value
    with pytest.raises(UserError, match=message):
        fitted.transform(bad)


def test_rows_without_numbers_are_named_by_position():
    fitted = fit(rows())
    bad = rows().drop(columns="row").set_index("price")
    bad.iloc[3, list(bad).index("city")] = "Ulm"
    with pytest.raises(UserError, match="column 'city', row 3: "):
        fitted.transform(bad)


def test_a_missing_column_is_named():
    with pytest.raises(UserError, match="column 'city' is missing; there are row, size, sold"):
        fit(rows()).transform(rows().drop(columns="city"))


def test_a_text_column_is_not_taken_for_a_number():
    columns = (Column("size", "feature", "text"), COLUMNS[-1])
    with pytest.raises(UserError, match="'size' is of type text"):
        fit(rows(), columns=columns)


def test_a_feature_without_any_value_in_training_is_refused():
    with pytest.raises(UserError, match="'size' has no value in the training part"):
        fit(rows().assign(size=np.nan))


def test_raw_values_of_other_types_give_the_same_inputs():
    plain = rows().assign(size=np.arange(50.0))
    fitted = fit(plain)
    typed = plain.astype({"size": "int32", "sold": "str", "city": "category"})
    zoned = plain.assign(sold=plain["sold"].dt.tz_localize("UTC"))
    texts = plain.astype({"size": "str"})
    for other in (typed, zoned, texts):
        assert (fitted.transform(other) == fitted.transform(plain)).all()


def test_whole_numbers_can_be_categories():
    train = rows().assign(city=[1, 2] * 25)
    assert fit(train).input_names[1:3] == ["city=1", "city=2"]


def test_a_constant_column_gives_zeros():
    train = rows().assign(size=0.1)
    assert (fit(train).transform(train)[:, 0] == 0).all()


def test_what_json_holds_gives_the_same_inputs_bit_for_bit():
    train = rows()
    train.loc[4, "city"] = None
    fitted = fit(train)
    again = ColumnPreprocessor.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert again == fitted
    assert again.transform(train).tobytes() == fitted.transform(train).tobytes()


NUMBERS = (
    Column("a", "feature", "number"),
    Column("b", "feature", "number"),
    Column("y", "target", "number"),
)


@pytest.mark.parametrize("settings", [STANDARD, PLAIN])
def test_a_linear_model_maps_back_to_raw_units(settings):
    rng = np.random.default_rng(0)
    train = pd.DataFrame({"a": rng.normal(7, 3, 80), "b": rng.normal(-2, 0.1, 80)})
    train["y"] = 5 * train["a"] - 30 * train["b"] + 11
    fitted = fit(train, settings, columns=NUMBERS)
    design = np.column_stack([fitted.transform(train), np.ones(80)])
    *weights, bias = np.linalg.lstsq(design, fitted.target.encode(train))[0]
    raw = fitted.raw_linear(np.array(weights), float(bias))
    assert raw == pytest.approx({"a": 5, "b": -30, "(bias)": 11})


def test_no_raw_coefficients_where_an_input_is_no_plain_number():
    assert fit(rows()).raw_linear(np.zeros(5), 0.0) is None
    holed = pd.DataFrame({"a": [1.0, np.nan, 2.0], "b": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})
    assert fit(holed, columns=NUMBERS).raw_linear(np.zeros(3), 0.0) is None
    whole = holed.fillna(0.0).assign(y=["low", "high", "low"])
    assert fit(whole, columns=NUMBERS, **CLASSES).raw_linear(np.zeros(2), 0.0) is None


def test_it_imports_little_for_it_travels_with_logged_models():
    code = (
        "import sys; import plait.data.preprocessing;"
        "heavy = {'torch', 'sklearn', 'pandas', 'mlflow', 'pyarrow', 'pandera'} & set(sys.modules);"
        "own = {m for m in sys.modules if m.startswith('plait.')};"
        "print(sorted(heavy), sorted(own))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    own = [
        *("artifacts", "data", "data.dataset", "data.preprocessing", "data.raw_column", "errors"),
        *("json_types", "loaded", "settings", "tasks", "tasks.base"),
        *("tasks.probabilities", "tasks.registry", "tasks.scaling", "tasks.single"),
    ]
    assert done.stdout.strip() == f"[] {[f'plait.{name}' for name in own]}"
