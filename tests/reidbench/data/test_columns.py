"""Columns are found by name, by a synonym or by ``--columns``, and what was read is said."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.cli.main import app
from reidbench.data.sources.columns import SYNONYMS, find_columns, parse_columns, plain
from reidbench.errors import ReidbenchError
from reidbench.records.finding import find_run


@pytest.fixture
def herd(tmp_path):
    (tmp_path / "herd").mkdir()
    for number in range(32):
        Image.new("RGB", (40, 40), (7 * number, 90, 10)).save(tmp_path / "herd" / f"{number}.png")
    return tmp_path / "herd"


def table(herd: Path, header: str, name: str = "herd.csv", rest: str = "") -> str:
    rows = [f"a{number // 4},{number}.png{rest}" for number in range(32)]
    (herd / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(herd / name)


def found(*headers, asked=None, needed=("identity", "path")):
    return find_columns(headers, asked or {}, where="herd.csv", needed=needed)


@pytest.mark.parametrize(
    "header",
    [
        "IDENTITY, path",
        "individualID,filePath",
        "Individual ID,File Name",
        "animal,image",
        "individual_id,file-name",
        "\u200fidentity,path\u200b",
    ],
)
def test_case_blanks_and_synonyms_give_the_same_dataset(herd, header):
    plain_table = reidbench.load_dataset(table(herd, "identity,path", "plain.csv"))
    images = reidbench.load_dataset(table(herd, header))
    assert images.digest == plain_table.digest and len(images) == 32
    assert list(images.reading.columns) == ["identity", "path"]


def test_capital_date_is_a_date(herd):
    images = reidbench.load_dataset(table(herd, "identity,path,Date", rest=",2020-03-04"))
    assert set(images.date) == {"2020-03-04"}


@pytest.mark.parametrize("role", SYNONYMS)
def test_each_synonym_gives_its_role_and_no_other(role):
    for synonym in SYNONYMS[role]:
        others = [each for each in ("identity", "path") if each != role]
        assert found(synonym.title(), *others).header[role] == synonym.title()
    everything = [plain(name) for names in SYNONYMS.values() for name in names]
    assert len(everything) == len(set(everything)) and not {plain(role) for role in SYNONYMS} & set(everything)


def test_name_and_id_are_not_guessed():
    with pytest.raises(ReidbenchError, match="no column identity; its columns: name, id, path"):
        found("name", "id", "path")


@pytest.mark.parametrize(
    ("headers", "first"), [(("Animal", "Individual", "path"), "Animal"), (("identity", "Identity", "path"), "identity")]
)
def test_two_columns_for_one_role_are_an_error_that_names_both(headers, first):
    with pytest.raises(ReidbenchError) as caught:
        found(*headers)
    assert f"'{headers[0]}' and '{headers[1]}' could both be the column identity" in caught.value.message
    assert f"--columns identity='{first}'" in caught.value.remedy


def test_documented_name_decides_and_the_synonym_is_said_not_to_be_used(herd):
    images = reidbench.load_dataset(table(herd, "identity,path,side,orientation,Sex", rest=",left,right,f"))
    assert set(images.table["orientation"]) == {"right"}
    assert images.reading_lines() == [
        "herd: 32 images of 8 animals",
        "  columns: identity, path, orientation; not used: 'side', 'Sex'",
    ]


def test_columns_of_the_user_decide_before_names(herd):
    source = table(herd, "Code,Where,identity", rest=",wrong")
    with pytest.raises(ReidbenchError, match="no column path") as caught:
        reidbench.load_dataset(source)
    assert "path" in caught.value.remedy
    images = reidbench.load_dataset(source, columns={"identity": "code", "path": "Where"})
    assert sorted(set(images.identity)) == [f"a{number}" for number in range(8)]
    assert images.reading.lines() == ["columns: identity from 'Code', path from 'Where'; not used: 'identity'"]


def test_empty_column_of_the_user_reads_no_column(herd):
    source = table(herd, "identity,path,date", rest=",soon")
    with pytest.raises(ReidbenchError, match="'soon' cannot be read"):
        reidbench.load_dataset(source)
    assert set(reidbench.load_dataset(source, columns={"date": ""}).date) == {""}


def test_missing_column_names_the_nearest_header():
    with pytest.raises(ReidbenchError) as caught:
        found("individuals", "path")
    assert "did you mean --columns identity=individuals?" in caught.value.remedy


def test_wrong_columns_of_the_user_are_errors(herd):
    with pytest.raises(ReidbenchError, match="'identty' is no role") as caught:
        parse_columns(["identty=Animal"])
    assert "did you mean 'identity'?" in caught.value.remedy
    with pytest.raises(ReidbenchError, match="'Animal' is not ROLE=COLUMN"):
        parse_columns(["Animal"])
    with pytest.raises(ReidbenchError, match="two columns are named for path"):
        parse_columns(["path=a", "path=b"])
    with pytest.raises(ReidbenchError, match="no column 'Animl'") as caught:
        found("Animal", "path", asked={"identity": "Animl"})
    assert "did you mean 'Animal'?" in caught.value.remedy
    with pytest.raises(ReidbenchError, match="so --columns has no use"):
        reidbench.load_dataset("patterns", columns={"identity": "x"})
    folder = herd.parent / "folders" / "ana"
    folder.mkdir(parents=True)
    (herd / "0.png").rename(folder / "0.png")
    with pytest.raises(ReidbenchError, match="so --columns has no use"):
        reidbench.load_dataset(str(folder.parent), columns={"identity": "x"})


def test_columns_with_commas_and_blanks_in_their_names():
    assert parse_columns(["identity=Name, first,path=File"]) == {"identity": "Name, first", "path": "File"}


def test_parquet_and_csv_have_the_same_columns(herd):
    pytest.importorskip("pyarrow")
    frame = pd.read_csv(table(herd, "Animal,File Name"))
    frame.to_parquet(herd / "herd.parquet")
    one, other = (reidbench.load_dataset(str(herd / name)) for name in ("herd.csv", "herd.parquet"))
    assert one.digest == other.digest and one.reading == other.reading


def test_a_run_says_and_records_its_columns_and_reads_them_again(herd, tmp_path):
    source = table(herd, "Code,File,Sex", rest=",f")
    runs = str(tmp_path / "runs")
    command = ["run", "--method", "color_histogram", "--dataset", source, "--columns", "identity=Code", "--runs", runs]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "columns: identity from 'Code', path from 'File'; not used: 'Sex'" in said
    [record] = [find_run(str(path.parent), Path(runs)) for path in Path(runs).rglob("run.json")]
    reading = record.data.dataset.reading
    assert reading.columns == {"identity": "Code", "path": "File"} and reading.columns_not_used == ("Sex",)
    assert reading.columns_option == {"identity": "Code"}
    again = CliRunner().invoke(app, ["run", "--from", str(record.path), "--runs", str(tmp_path / "again")])
    assert again.exit_code == 0 and "no column" not in again.output


def test_split_datasets_and_audit_take_columns_and_say_them(herd, tmp_path):
    source = table(herd, "Code,File,Sex", rest=",f")
    line = "columns: identity from 'Code', path from 'File'; not used: 'Sex'"
    for command in (
        ["split", source, "-o", str(tmp_path / "split.csv")],
        ["datasets", source],
        ["audit", source, "--no-split"],
    ):
        refused = CliRunner().invoke(app, command)
        assert "no column identity" in str(refused.exception)
        result = CliRunner().invoke(app, [*command, "--columns", "identity=Code"])
        assert result.exit_code == 0, result.output
        assert line in " ".join(result.output.split()), command


def test_the_column_of_encounters_can_be_named_and_left_out(herd):
    (herd / "herd.csv").write_text(
        "identity,path,visit,eventID\n" + "".join(f"a{n // 4},{n}.png,v{n // 2},e{n // 4}\n" for n in range(32)),
        encoding="utf-8",
    )
    by_event, by_visit, by_none = (
        reidbench.load_dataset(str(herd / "herd.csv"), columns=columns)
        for columns in (None, {"encounter": "visit"}, {"encounter": ""})
    )
    assert [len(set(each.encounter)) for each in (by_event, by_visit, by_none)] == [8, 16, 32]
    assert by_event.reading.lines() == ["columns: identity, path, encounter from 'eventID'; not used: 'visit'"]
    assert by_visit.reading.lines() == ["columns: identity, path, encounter from 'visit'; not used: 'eventID'"]
    assert by_none.reading.lines() == ["columns: identity, path; not used: 'visit', 'eventID'"]
