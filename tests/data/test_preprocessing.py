import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column, Dataset
from plait.data.preprocessing import ColumnPreprocessor, Settings
from plait.errors import UserError

DEFAULTS = read_yaml(ROOT / "conf/config.yaml")["preprocessing"]


def by(**changes):
    return Settings(**{**DEFAULTS, "dates": "days", **changes})


STANDARD = by(target_scaling="standard")
PLAIN = by(feature_scaling="none", impute="mean")

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
    fitted = fit(train, by(feature_scaling="none", impute=impute), columns=columns)
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
        ("size", np.inf, "column 'size', row 103: inf is infinite"),
        ("size", "large", "column 'size', row 103: 'large' is not a number"),
        ("sold", "soon", "column 'sold', row 103: 'soon' is not a date"),
    ],
)
def test_a_value_that_a_model_cannot_take_is_named(column, value, message):
    fitted = fit(rows(), by(unseen="error"))
    bad = rows().astype({column: object})
    bad.loc[3, column] = value
    with pytest.raises(UserError, match=message):
        fitted.transform(bad)


def test_rows_without_numbers_are_named_by_position():
    fitted = fit(rows(), by(unseen="error"))
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


def test_what_training_has_not_seen_or_missed_gets_an_answer():
    fitted = fit(rows())
    later = rows(4).astype({"city": object})
    later.loc[0, "city"], later.loc[1, "city"] = "Ulm", None
    later.loc[2, "size"], later.loc[3, "sold"] = np.nan, pd.NaT
    inputs = fitted.transform(later)
    assert inputs[0, 1:4].tolist() == inputs[1, 1:4].tolist() == [0, 0, 0]
    middle = fitted.transform(rows().assign(size=rows()["size"].median()))[0, 0]
    assert inputs[2, 0] == middle
    assert inputs[3, 4] == pytest.approx(0, abs=1e-12)  # dates one day apart: the mean day
    assert [each.unseen(later[each.name]) for each in fitted.features] == [0, 1, 0]


def test_rare_categories_share_an_input_which_new_ones_have_too():
    train = rows().assign(city=["Bonn"] * 20 + ["Köln"] * 22 + [f"village {n}" for n in range(8)])
    fitted = fit(train, by(rare_below=5))
    assert fitted.input_names[1:4] == ["city=Bonn", "city=Köln", "city is rare"]
    later = rows(3).assign(city=["village 3", "Ulm", "Bonn"])
    assert fitted.transform(later)[:, 1:4].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]
    (city,) = (each for each in fitted.features if each.name == "city")
    assert city.unseen(later["city"]) == 1
    with pytest.raises(UserError, match="has not seen the category 'Ulm'"):
        fit(train, by(rare_below=5, unseen="error")).transform(later)
    # A single rare one would share with nobody.
    alone = fit(rows().assign(city=["Bonn"] * 49 + ["Ulm"]), by(rare_below=5))
    assert alone.input_names[1:3] == ["city=Bonn", "city=Ulm"]


def many_shops(number=600):
    rng = np.random.default_rng(1)
    shop = rng.integers(0, 60, number)
    effect = rng.normal(0, 1, 60)
    return rows(number).assign(
        city=[f"shop {each:02}" for each in shop],
        price=effect[shop] + rng.normal(0, 1, number),
        effect=effect[shop],
    )


def test_many_categories_are_the_means_of_their_targets():
    train = many_shops()
    fitted = fit(train, by(target_scaling="standard", rare_below=1))
    assert fitted.input_names[1] == "city: mean target"
    encoded = fitted.transform(train)[:, 1]
    assert np.corrcoef(encoded, train["effect"])[0, 1] > 0.9
    later = train.head(2).assign(city=["elsewhere", None])
    assert fitted.transform(later)[0, 1] == fitted.transform(later)[1, 1]
    with pytest.raises(UserError, match="has not seen the category 'elsewhere'"):
        fit(train, by(rare_below=1, unseen="error")).transform(later)


def test_the_means_are_those_of_a_random_effects_model():
    """By the textbook's formulas, written another way."""
    train = many_shops()
    fitted = fit(train, by(feature_scaling="none", rare_below=1))
    groups = train.groupby("city")["price"]
    n, mean, total = groups.size(), groups.mean(), len(train)
    overall = train["price"].mean()
    within = ((train["price"] - groups.transform("mean")) ** 2).sum() / (total - len(n))
    between = (n * (mean - overall) ** 2).sum() / (len(n) - 1)
    variance = (between - within) / ((total - (n**2).sum() / total) / (len(n) - 1))
    shrunk = overall + (mean - overall) * n / (n + within / variance)
    np.testing.assert_allclose(
        fitted.transform(train)[:, 1], shrunk[train["city"]].to_numpy(), rtol=1e-9
    )


def test_a_row_learns_nothing_from_its_own_target():
    """A category of noise: encoded with its own target in it, training would look perfect."""
    rng = np.random.default_rng(2)
    train = rows(300).assign(
        city=[f"{each}" for each in rng.integers(0, 150, 300)], price=rng.normal(0, 1, 300)
    )
    fitted = fit(train, by(rare_below=1, feature_scaling="none"))
    own, other = fitted.transform(train)[:, 1], fitted.of_training(train)[:, 1]
    assert abs(np.corrcoef(other, train["price"])[0, 1]) < 0.2
    # Changing one target changes none of its own inputs.
    changed = train.copy()
    changed.loc[0, "price"] = 100.0
    again = fit(changed, by(rare_below=1, feature_scaling="none")).of_training(changed)[:, 1]
    assert again[0] == other[0]
    assert own.shape == other.shape


def test_of_several_classes_each_has_its_mean():
    train = many_shops().assign(price=lambda frame: pd.cut(frame["effect"], 3, labels=list("abc")))
    train["price"] = train["price"].astype("str")
    fitted = fit(train, by(rare_below=1), task="classification", classes=("a", "b", "c"))
    assert fitted.input_names[1:4] == [f"city: mean target {number}" for number in range(3)]
    two = fit(
        train.assign(price=np.where(train["effect"] > 0, "b", "a")),
        by(rare_below=1),
        task="classification",
        classes=("a", "b"),
    )
    assert two.input_names[1] == "city: mean target"


def test_parts_of_a_date_that_differ_are_inputs():
    fitted = fit(rows(), by(dates="parts"))
    assert fitted.input_names[4:] == ["sold", "sold: month", "sold: day", "sold: weekday"]
    inputs = fit(rows(), by(dates="parts", feature_scaling="none")).transform(rows(1))
    assert inputs[0, 5:].tolist() == [1, 1, 0]  # 1 January 2024, a Monday
    hourly = rows().assign(sold=pd.date_range("2024-01-01", periods=50, freq="h"))
    assert fit(hourly, by(dates="parts")).input_names[-1] == "sold: hour"


def test_what_names_every_row_is_left_out_unless_it_is_wanted():
    train = rows().assign(city=[f"order {number}" for number in range(50)])
    fitted = fit(train)
    assert fitted.input_names == ["size", "sold"]
    assert fitted.features[1].treatment == "left out: nearly every row has a value of its own"
    without = train.drop(columns="city")
    assert (fitted.transform(without) == fitted.transform(train)).all()
    assert "city: mean target" in fit(train, by(identifiers="keep", rare_below=1)).input_names


def test_a_category_that_is_the_same_everywhere_is_left_out():
    fitted = fit(rows().assign(city="Bonn"))
    assert fitted.input_names == ["size", "sold"]
    assert fitted.features[1].treatment == "left out: the same in every training row"
    holed = rows().assign(city=["Bonn", None] * 25)
    assert fit(holed).input_names[1:3] == ["city=Bonn", "city is missing"]


def test_a_column_without_a_value_in_training_is_left_out():
    fitted = fit(rows().assign(size=np.nan))
    assert fitted.input_names[0] == "city=Aachen"
    assert fitted.transform(rows()).shape == (50, 4)
    nothing = (COLUMNS[1], COLUMNS[-1])
    with pytest.raises(UserError, match=r"no column is left to learn from \(size: left out: no"):
        fit(rows().assign(size=np.nan), columns=nothing)


def test_numbers_are_read_as_in_the_file():
    fitted = fit(rows())
    texts = rows(3).astype({"size": object})
    texts["size"] = ["1,200", "$80.5", "−7"]
    plain = rows(3).assign(size=[1200.0, 80.5, -7.0])
    assert (fitted.transform(texts) == fitted.transform(plain)).all()
    comma = (Column("size", "feature", "number", decimal=","), COLUMNS[-1])
    fitted = fit(rows(), columns=comma)
    texts["size"] = ["1200,0", "80,5", "-7"]
    assert (fitted.transform(texts) == fitted.transform(plain)).all()


def test_dates_are_read_as_in_the_file_and_never_guessed():
    german = (Column("sold", "feature", "date", date_format="%d.%m.%Y"), COLUMNS[-1])
    train = rows(60)
    fitted = fit(train, columns=german)
    texts = pd.DataFrame({"sold": ["01.02.2024", "13.02.2024", "2024-02-01"]})
    plain = pd.DataFrame({"sold": pd.to_datetime(["2024-02-01", "2024-02-13", "2024-02-01"])})
    assert (fitted.transform(texts) == fitted.transform(plain)).all()
    again = ColumnPreprocessor.from_json(json.loads(json.dumps(fitted.to_json())))
    assert (again.transform(texts) == fitted.transform(plain)).all()
    iso = fit(train, columns=(COLUMNS[3], COLUMNS[-1]))
    mixed = pd.DataFrame({"sold": ["2024-02-01", "2024-02-01T00:00"]})
    assert (iso.transform(mixed) == iso.transform(plain.iloc[[0, 2]])).all()
    for wrong in ("01.02.2024", "now", 20240201, 45000.0):
        with pytest.raises(UserError, match="is not a date"):
            iso.transform(pd.DataFrame({"sold": [wrong]}))


def test_far_dates_are_dates():
    fitted = fit(rows())
    later = rows(2).assign(sold=["0001-01-01", "9999-12-31"])
    days = (np.array(["0001-01-01", "9999-12-31"], "M8[D]") - np.datetime64(0, "D")).astype(float)
    expected = (days - fitted.features[2].mean[0]) / fitted.features[2].scale[0]
    assert fitted.transform(later)[:, -1].tolist() == expected.tolist()
    never = fit(rows().assign(sold=["9999-12-31"] * 30 + [None] * 20), by(dates="parts"))
    assert np.isfinite(never.transform(rows().assign(sold=None))).all()


def test_truth_values_and_whole_numbers_are_the_categories_that_files_write():
    truth = fit(rows().assign(city=["true", "false"] * 25))
    given = rows(3).assign(city=[True, False, np.bool_(True)])
    assert truth.transform(given)[:, 1:3].tolist() == [[0, 1], [1, 0], [0, 1]]
    numbers = fit(rows().assign(city=["1", "2"] * 25))
    assert numbers.transform(rows(2).assign(city=[1.0, 2.0]))[:, 1:3].tolist() == [[1, 0], [0, 1]]


def test_models_of_three_kinds_of_column_are_read():
    """As they were recorded before there were encoders."""
    described = {
        **fit(rows()).target.to_json(),
        "features": [
            *(
                {
                    "name": "size",
                    "type": "number",
                    "mean": 2.0,
                    "scale": 4.0,
                    "fill": None,
                    "categories": None,
                    "missing_input": False,
                },
            ),
            *(
                {
                    "name": "city",
                    "type": "category",
                    "mean": 0.0,
                    "scale": 1.0,
                    "fill": None,
                    "categories": ["Aachen", "Bonn"],
                    "missing_input": True,
                },
            ),
            *(
                {
                    "name": "sold",
                    "type": "date",
                    "mean": 19000.0,
                    "scale": 10.0,
                    "fill": 19050.5,
                    "categories": None,
                    "missing_input": True,
                },
            ),
        ],
    }
    fitted = ColumnPreprocessor.from_json(described)
    assert fitted.input_names == [
        *("size", "city=Aachen", "city=Bonn", "city is missing", "sold", "sold is missing")
    ]
    later = rows(2).assign(size=[4.0, 2.0], city=["Bonn", None], sold=[pd.NaT, "2024-01-01"])
    assert fitted.transform(later).tolist() == [
        [0.5, 0, 1, 0, 5.05, 1],
        [0.0, 0, 0, 1, 72.3, 0],
    ]
    with pytest.raises(UserError, match="'Ulm'"):
        fitted.transform(later.assign(city="Ulm"))
    with pytest.raises(UserError, match="row 100: the value is missing"):
        fitted.transform(later.assign(size=np.nan))


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
        *("artifacts", "data", "data.dataset", "data.encoders", "data.encoders.base"),
        *("data.encoders.choose", "data.encoders.dates", "data.encoders.instants"),
        "data.encoders.left_out",
        *("data.encoders.number", "data.encoders.one_hot", "data.encoders.settings"),
        *("data.encoders.target_mean", "data.notation", "data.preprocessing", "data.raw_column"),
        *("data.rows", "data.written_dates", "errors"),
        *("json_types", "loaded", "settings", "tasks", "tasks.base"),
        *("tasks.probabilities", "tasks.registry", "tasks.scaling", "tasks.single"),
        *("tasks.transforms", "terminal"),
    ]
    assert done.stdout.strip() == f"[] {[f'plait.{name}' for name in own]}"
