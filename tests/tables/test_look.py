"""What a look tells of columns that could be read silently wrong, and what `new` makes of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from plait.config.compose import Project
from plait.config.levels import read_yaml
from plait.errors import UserError, exit_with
from plait.json_types import Values
from plait.tables.guess import Stated
from plait.tables.new import inspect_file, new, stated

Put = Callable[[str, pd.DataFrame | bytes], str]

ROWS = 40


def table(**columns: list[str]) -> bytes:
    """Rows of the columns, repeated to forty; ``y`` is added, whole numbers."""
    full = {name: (values * ROWS)[:ROWS] for name, values in columns.items()}
    return (
        pd.DataFrame({**full, "y": [each % 7 for each in range(ROWS)]}).to_csv(index=False).encode()
    )


def lines(project: Path, file: str, target: str | None = None, **said: object) -> dict[str, str]:
    """The lines of a look by column; the first, of the file, by ``""``."""
    given = stated(
        project,
        **{
            **dict.fromkeys(("separator", "encoding", "decimal", "date_format")),
            "missing": (),
            **said,
        },  # type: ignore[arg-type]
    )
    first, _, *rest = inspect_file(project, file, target, given).splitlines()
    return {"": first, **{line.split("  ")[0].strip(): line for line in rest}}


def made(
    project: Path, file: str, target: str, drop: tuple[str, ...] = (), said: Stated | None = None
) -> Values:
    """The section ``data`` of an experiment on a file."""
    new(
        project,
        "made",
        file,
        target=target,
        task=None,
        split=None,
        drop=drop,
        ask=None,
        stated=said,
    )
    return Project(project).compose("made").section("data")


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        (["01067", "80331", "10115"], "category", "codes, for '01067' begins with 0"),
        (["+49 30 1234567", "+49 89 7654321"], "category", "telephone numbers"),
        (["+493012345678", "+498976543210"], "category", "telephone numbers"),
        (["1E5", "2E7", "12345"], "number", "'1E5' is read as 1E5"),
        (["(2019)", "2020"], "number", "'(2019)' is read as -2019"),
        (["CAD1", "CAD2"], "number", "'CAD1' is read as 1"),
        (["12 %", "3.5 %"], "number", "'12 %' is read as 12"),
        (['"1,250"', '"1,300"'], "number", "'1,250' is read as 1250; is the decimal sign ','?"),
        (["1.200 €", "3.400 €"], "number", "'1.200 €' is read with a decimal point"),
        (["3", "-999", "5"], "number", "-999 stands 13 times: for a missing value? (--na)"),
        (["31.12.2024", "01.02.2023"], "date", "dates by '%d.%m.%Y'"),
        (["12/31/2024", "01/02/2023"], "date", "dates by '%m/%d/%Y'"),
        (["1/2/2024", "3/4/2023"], "category", "set data.date_format to '%d/%m/%Y' or '%m/%d/%Y'"),
        (["5 Jan 2024", "17 Mar 2023"], "date", "dates by '%d %b %Y'"),
        (["today", "now", "2024-01-01"], "category", "an input for each of 3 categories"),
        (["1", "2", "3", "x1"], "category", "75% of the values are numbers; 'x1' is none"),
    ],
)
def test_what_is_read_out_of_the_ordinary_is_told(
    project: Path, put: Put, values: list[str], kind: str, told: str
) -> None:
    quoted = [each.strip('"') for each in values]
    shown = lines(project, put("a.csv", table(c=quoted)))["c"]
    assert shown.split()[1] == kind, shown
    assert told in shown


@pytest.mark.parametrize("mark", ["n/a", "?", "-", "missing", "none", "#N/A", " - ", "k.A."])
@pytest.mark.parametrize("values", [["1.5", "2"], ["2024-01-01", "2024-02-01"], ["01.02.2024"]])
def test_a_word_for_a_missing_value_leaves_a_column_its_type(
    project: Path, put: Put, mark: str, values: list[str]
) -> None:
    content = table(c=[*values, values[0], mark])
    shown = lines(project, put("a.csv", content))["c"]
    assert shown.split()[1] == ("number" if values[0] == "1.5" else "date")
    assert f"{mark!r}, which stands" in shown
    assert "counts as missing" in shown


def test_a_mark_that_is_a_class_of_the_target_stays_one(project: Path, put: Put) -> None:
    content = table(c=["1", "2", "none", "4", "5"], kind=["none", "some"])
    file = put("a.csv", content)
    shown = lines(project, file, "kind")
    assert shown["kind"].split()[1:3] == ["category", "0%"]
    assert "80% of the values are numbers; 'none' is none" in shown["c"]
    assert (
        "'none', which stands 20 times, counts as missing here too" in lines(project, file)["kind"]
    )


def test_new_writes_down_what_was_guessed(project: Path, put: Put) -> None:
    rows = "".join(
        f"{number:05};{number},5;{'?' if number % 9 == 4 else number};"
        f"{number % 28 + 1:02}.03.2024;{number % 7}\n"
        for number in range(ROWS)
    )
    file = put("a.csv", ("zip;c;d;when;y\n" + rows).encode("utf-16-le"))
    section = made(project, file, "y")
    form = section["format"]
    assert isinstance(form, dict)
    assert (form["separator"], form["encoding"], form["decimal"]) == (";", "utf-16-le", ",")
    assert isinstance(form["na_values"], list)
    assert form["na_values"][-1] == "?"
    assert section["date_format"] == "%d.%m.%Y"
    assert section["types"] == {"zip": "category"}
    text = (project / "conf/experiment/made.yaml").read_text(encoding="utf-8")
    assert "types: {zip: category}  # zip: codes, for '00000' begins with 0" in text


def test_what_is_stated_wins_over_guesses(project: Path, put: Put) -> None:
    file = put("a.csv", b"a;b\n1,250;x\n2,125;?\n")
    assert (
        "'1,250' is read as 1.250; is the decimal sign '.'? (--decimal)"
        in lines(project, file)["a"]
    )
    assert "is read as 1250" in lines(project, file, decimal=".")["a"]
    with pytest.raises(UserError, match="the separator looks like a semicolon"):
        lines(project, file, separator=",")
    ambiguous = put("b.csv", table(c=["1/2/2024", "3/4/2023"]))
    assert lines(project, ambiguous, date_format="%d/%m/%Y")["c"].split()[1] == "date"
    assert lines(project, put("c.csv", table(c=["1", "nix"])), missing=["nix"])["c"].split()[
        1:3
    ] == [
        "number",
        "50.0%",
    ]
    with pytest.raises(UserError, match=r"--encoding: .*'utf-9' is no encoding"):
        lines(project, file, encoding="utf-9")


@pytest.mark.parametrize(
    ("content", "told", "names"),
    [
        ("a;b\n1;x\n2;y\n".encode("utf-16-le"), "utf-16-le, separated by a semicolon", "ab"),
        ("a,b\n1,x\n2,y\n".encode("utf-16-be"), "(utf-16-be)", "ab"),
        ("a,b\n1,x\n2,y\n".encode("utf-32"), "(utf-32)", "ab"),
        ("a,b\n1,さくら\n2,カタカナ漢字\n".encode("cp932"), "(cp932)", "ab"),
        ("a,b\n1,さくら\n2,カタカナ漢字\n".encode("euc_jp"), "(euc_jp)", "ab"),
        ("a,b\n1,Köln\n2,“été”\n".encode("cp1252"), "(cp1252)", "ab"),
        (b'"sep=|"\na|b\n1|x\n', "separated by a bar", "ab"),
        (b"sep=:\na:b\n1:x\n", "separated by ':'", "ab"),
        (b"a b\n1 x\n2 y\n", "separated by ' '", "ab"),
        (b"a:b\n1:x\n2:y\n", "separated by ':'", "ab"),
        (b'a;b\n"1,2,3";x\n"2,3,4";y\n', "separated by a semicolon", "ab"),
        (b'"a,x";b\n1;x\n2;y\n', "separated by a semicolon", None),
        (b"a\n10:30\n11:45\n", "2 rows", "a"),
        (b"a\nAnna Maria\nJo Ann\n", "2 rows", "a"),
    ],
)
def test_how_a_file_is_written_is_seen(
    project: Path, put: Put, content: bytes, told: str, names: str | None
) -> None:
    shown = lines(project, put("a.csv", content))
    assert told in shown[""]
    if names is not None:
        assert shown.keys() == {"", *names}


NAMES = [
    *("${a}", "${oc.env:HOME}", "\\${a}", "a\nb", "a\x1b[31mred", "a\x07", "a\u2028b", "a\u202eb"),
    *("yes", "null", "true", "~", "1", "a: b", "#x", "- x", "[1]", "{a}", "a\tb", "it's", '"q"'),
]


def test_columns_may_have_any_name(project: Path, put: Put) -> None:
    frame = pd.DataFrame({name: [number % 7 * 1.5 for number in range(ROWS)] for name in NAMES})
    file = put("a.csv", frame.assign(x=range(ROWS)))
    for name in ("${a}", "a\x1b[31mred"):
        others = tuple(other for other in NAMES if other != name)
        section = made(project, file, name, drop=others)
        assert (section["target"], section["drop"]) == (name, [*others])
        (project / "conf/experiment/made.yaml").unlink()


def test_a_name_that_no_configuration_can_hold_is_refused(project: Path, put: Put) -> None:
    file = put("a.csv", pd.DataFrame({"x": range(ROWS), "???": range(ROWS)}))
    with pytest.raises(UserError, match="rename it in the file"):
        made(project, file, "???")
    assert "made" not in read_yaml(project / "params.yaml")["experiments"]


def test_nothing_that_steers_a_terminal_is_printed(
    project: Path, put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"a\x1b[31m": ["\x1b]0;x\x07", "b\u202e"] * 20, "y": ["1", "2"] * 20})
    file = put("a.csv", frame)
    shown = inspect_file(project, file)
    assert shown.replace("\n", "").isprintable()
    assert "\\x1b[31m" in shown

    def refuse() -> int:
        raise UserError("column 'a\x1b[31m': \x9b2J\nis wrong")

    with pytest.raises(SystemExit):
        exit_with(refuse)
    assert capsys.readouterr().err == "plait: column 'a\\x1b[31m': \\x9b2J\nis wrong\n"


def test_dates_of_birth_divide_no_rows(project: Path, put: Put) -> None:
    days = pd.date_range("1980-01-01", periods=ROWS, freq="7D").astype("str")
    file = put("a.csv", pd.DataFrame({"birth_date": days, "x": range(ROWS), "y": [0, 1] * 20}))
    split = made(project, file, "y")["split"]
    assert isinstance(split, dict)
    assert split["by"] == "stratified"


def test_an_unknown_target_is_refused(project: Path, put: Put) -> None:
    with pytest.raises(UserError, match=r"has no column 'z' \(--target\)"):
        inspect_file(project, put("a.csv", table(c=["1"])), "z")


def test_links_are_followed_and_packed_files_are_told_to_be_unpacked(
    project: Path, put: Put, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("cache") / "x.csv"
    elsewhere.write_bytes(table(c=["1", "2"]))
    (project / "data/raw/link.csv").symlink_to(elsewhere)
    assert inspect_file(project, "data/raw/link.csv").startswith("data/raw/link.csv: 40 rows")
    (project / "data/raw/gone.csv").symlink_to(elsewhere.with_name("gone.csv"))
    for name, said in [
        ("x.csv.gz", "is packed; unpack it: gunzip --keep data/raw/x.csv.gz"),
        ("x.xlsx", "save it from there as CSV"),
        ("x.sas7bdat", "files that end in .csv, .tsv, .txt, .jsonl, .ndjson, .parquet are read"),
    ]:
        put(name, b"x")
        with pytest.raises(UserError, match=said):
            inspect_file(project, f"data/raw/{name}")
    with pytest.raises(UserError, match="no such file"):
        inspect_file(project, os.fspath(project / "data/raw/gone.csv"))


def test_a_code_is_none_of_the_target_and_ids_are_left_out(project: Path, put: Put) -> None:
    frame = pd.DataFrame({"row_id": range(ROWS), "x": [0, 1, 2, 3] * 10, "y": [0, 1] * 20})
    for name in ("a.csv", "a.parquet"):
        shown = lines(project, put(name, frame))["row_id"]
        assert "left out: nearly every row has a value of its own; numbers the rows" in shown
