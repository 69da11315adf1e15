"""Doubts about a table or folder are said when it is read, and change nothing."""

import datetime
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import reidbench
from reidbench.auditing.names import same_name_variants
from reidbench.cli.main import app
from reidbench.data.doubtful_names import looks_unidentified
from reidbench.errors import ReidbenchError

NAMES = ("ana", "bo", "cy", "dan")


@pytest.fixture
def herd(tmp_path):
    """Draw two photographs for each of four animals, all of another size in bytes."""
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40 + number, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def write(herd, **columns):
    table = {"identity": [NAMES[row // 2] for row in range(8)], "path": [f"{row}.png" for row in range(8)]} | columns
    pd.DataFrame(table).to_csv(herd / "herd.csv", index=False)
    return str(herd / "herd.csv")


def remarks(source, **options):
    return list(reidbench.load_dataset(source, **options).reading.remarks)


def identities(*first):
    return [*first, *(NAMES[row // 2] for row in range(len(first), 8))]


def test_a_clean_table_has_no_remark(herd):
    assert remarks(write(herd, date=["2021-05-06 07:08"] * 8, species=["zebra"] * 8, side=["left"] * 8)) == []


@pytest.mark.parametrize(
    "word",
    [
        "inconnu", "Unbekannt", "desconocida", "neznámý", "Неизвестно", "未知", "unk", "UNID.", "Unknown 3", "no match",
        "not identified", "cf. ana", "ana?", "-1", "FALSE", "#REF!", "1.00E+05", "to check", "unsorted",
        "non identificato", "nicht identifiziert", "niet geïdentificeerd", "no identificado", "to be identified",
        "Unkn.", "not sure", "неизвестный", "neurčeno", "未確認", "N.N.", "blurry",
    ],
)  # fmt: skip
def test_a_name_that_may_name_no_animal_is_said_and_kept(herd, word):
    source = write(herd, identity=identities(word, word))
    images = reidbench.load_dataset(source)
    assert len(images) == 8 and list(images.identity[:2]) == [word, word]
    line = next(line for line in images.reading.remarks if "may name no animal" in line)
    assert f"'{word}' (2 images)" in line and "--unknown WORD" in line
    assert reidbench.load_dataset(source, unknown=[word]).set_aside == 2
    assert not any("may name no animal" in line for line in remarks(source, names=[word]))


@pytest.mark.parametrize("name", ["Newton", "Ana 3", "X-ray", "Testa", "Nina", "12", "1,007", "Value B", "Adam"])
def test_a_usual_name_is_not_doubted(name):
    assert not looks_unidentified(name)


def test_a_number_for_no_animal_is_found_by_how_often_it_occurs(herd):
    # 0 has 5 images, the others 1, 1 and 1; in the second table each number has 2.
    assert "'0' (5 images)" in remarks(write(herd, identity=["0"] * 5 + ["1", "2", "3"]))[0]
    assert remarks(write(herd, identity=["0", "0", "1", "1", "2", "2", "3", "3"])) == []


def test_numbers_that_differ_only_by_a_final_0_are_said_and_listed_by_audit(herd):
    # Z10 makes the column text, so 1.0 stays another name than 1; 2.1 is no whole number.
    source = write(herd, identity=["1", "1.0", "1", "2", "2.1", "Z10", "Z10", "Z10"])
    (line,) = remarks(source)
    assert line.startswith("1 animal may have two spellings") and "'1' and '1.0'" in line
    suspects = same_name_variants(reidbench.load_dataset(source))
    assert [(suspect.rows, suspect.note) for suspect in suspects] == [((0, 1), "'1' and '1.0'")]


@pytest.mark.parametrize("other", ["Ana", "A-n-a", "'ana", "\uff41na", "\u0430na"])
def test_two_spellings_are_said(herd, other):
    source = write(herd, identity=identities("ana", other) if other != "A-n-a" else identities("a n a", other))
    assert [line for line in remarks(source) if line.startswith("1 animal may have two spellings")]
    assert len(set(reidbench.load_dataset(source).identity)) == 5


def test_a_cell_that_lists_several_animals_is_said(herd):
    line = remarks(write(herd, identity=identities("ana; bo", "ana")))[0]
    assert line.startswith("1 name may list several animals") and "'ana; bo' (1 image)" in line


def test_a_photograph_under_two_animals_is_said(herd):
    shutil.copy(herd / "0.png", herd / "copy.png")  # 0 shows ana, row 7 shows dan
    source = write(herd, path=[f"{row}.png" for row in range(7)] + ["copy.png"])
    assert remarks(source) == [
        "1 photograph with the same box, or without one, under two animals: '0.png' ('ana') and 'copy.png' ('dan'); "
        "at most one name is right"
    ]


@pytest.mark.parametrize("how", ["copied", "linked", "another path"])
def test_a_photograph_that_occurs_twice_is_said(herd, how):
    name = "./0.png" if how == "another path" else "copy.png"
    if how == "copied":
        shutil.copy(herd / "0.png", herd / name)
    elif how == "linked":
        (herd / name).symlink_to(herd / "0.png")
    lines = remarks(write(herd, path=["0.png", name, *(f"{row}.png" for row in range(2, 8))]))
    assert [line.partition(" with")[0] for line in lines] == ["1 row"]
    assert "keep one row of each" in lines[0]


def test_two_animals_in_one_photograph_with_other_boxes_are_no_copies(herd):
    boxes = ["[0, 0, 35, 35]", *[""] * 6, "[4, 4, 35, 35]"]
    assert (
        remarks(write(herd, path=[f"{row}.png" for row in range(7)] + ["0.png"], bbox=boxes, image_id=range(8))) == []
    )


def test_groups_and_sides_in_two_spellings_are_said(herd):
    lines = remarks(write(herd, species=["Zebra"] * 4 + ["zebra"] * 4, side=["Dorsal", "dorsal"] * 4))
    assert lines[0].startswith("groups that may be one: 'Zebra' and 'zebra'")
    assert lines[1].startswith("orientations that may be one: 'Dorsal' and 'dorsal'")


def test_words_for_sides_are_said_with_the_side_that_they_are_read_as_and_stay_in_the_table(herd):
    sides = ["left", "L", "links", "right", "R", "both", "dorsal", "dorsal"]
    source = write(herd, side=sides)
    assert remarks(source) == [
        "sides: read as left: 'L', 'links'; read as right: 'R'; read as unknown: 'both'",
        "sides other than left and right: 'dorsal' (2 images); --match-sides same compares each only with itself",
    ]
    assert reidbench.load_dataset(source).table["orientation"].tolist() == sides


@pytest.mark.parametrize("word", ["", "NA", "unknown"])
def test_a_word_for_a_missing_species_is_no_species_and_said(herd, word):
    source = write(herd, species=["zebra"] * 6 + [word] * 2)
    assert sorted(set(reidbench.load_dataset(source).group)) == ["all", "zebra"]
    assert remarks(source)[0].startswith("2 images without a species are in the group 'all'")


@pytest.mark.parametrize("word", ["unbekannt", "inconnu", "non identificato", "neznámý", "unknown sp."])
def test_a_species_that_may_be_a_word_for_unknown_is_said_and_kept(herd, word):
    source = write(herd, species=[word] * 2 + ["zebra"] * 6)
    (line,) = remarks(source)
    assert line.startswith(f"1 group may name no species: '{word}' (2 images)")
    assert set(reidbench.load_dataset(source).group) == {word, "zebra"}


def test_a_species_with_a_shortened_genus_is_said(herd):
    (line,) = remarks(write(herd, species=["E. quagga"] * 2 + ["Equus quagga"] * 2 + ["Equus grevyi"] * 4))
    assert line.startswith("groups that may be one: 'E. quagga' and 'Equus quagga'")


def test_a_folder_of_unidentified_animals_within_an_animal_is_said(herd):
    for number in range(8):
        inner = herd / "herd" / NAMES[number // 2] / {0: "Unidentified", 1: "juvenile"}.get(number, "")
        inner.mkdir(parents=True, exist_ok=True)
        (herd / f"{number}.png").rename(inner / f"{number}.png")
    (line,) = remarks(str(herd / "herd"))
    assert line.startswith("1 image in folders called 'Unidentified' count as photographs of the animal")


def test_photographs_that_a_metadata_table_does_not_list_are_counted(herd):
    # The table has rows for 0 to 5, of which 5 has no identity. 6, 7 and far/8 are not in it; masks hold none.
    (herd / "img" / "far").mkdir(parents=True)
    (herd / "img" / "masks").mkdir()
    for number in range(8):
        (herd / f"{number}.png").rename(herd / "img" / f"{number}.png")
    shutil.copy(herd / "img" / "0.png", herd / "img" / "far" / "8.JPG")
    shutil.copy(herd / "img" / "0.png", herd / "img" / "masks" / "0.png")
    (herd / "img" / "notes.txt").write_text("")
    rows = [f"{name},img/{number}.png" for number, name in enumerate(["ana", "ana", "bo", "bo", "cy", ""])]
    for table in ("metadata.csv", "selection.csv"):
        (herd / table).write_text("\n".join(["identity,path", *rows]) + "\n")
    expected = "3 of the 9 photographs in the folder are not in the table and not read, such as 'img/6.png'"
    assert remarks(str(herd)) == [expected] == remarks(str(herd / "metadata.csv"))
    assert remarks(str(herd / "selection.csv")) == []


def test_a_metadata_table_that_lists_all_photographs_has_no_remark(herd):
    (herd / "metadata.csv").write_text("identity,path\n" + "".join(f"{NAMES[n // 2]},{n}.png\n" for n in range(8)))
    assert remarks(str(herd)) == []


def test_a_split_in_the_table_is_said(herd):
    assert remarks(write(herd, split=["train", "test"] * 4)) == [
        "the data bring a split (4 'test', 4 'train'); only --split-kind given uses it"
    ]


@pytest.mark.parametrize("clock", ["14h30", "25:00", "14.30", "14:30-15:00", "noon"])
def test_a_time_that_cannot_be_read_is_said(herd, clock):
    source = write(herd, date=[f"2021-05-06 {clock}", *["2021-05-07"] * 7])
    assert list(reidbench.load_dataset(source).table["date"])[0] == "2021-05-06"
    assert remarks(source) == [
        f"the time of 1 date cannot be read, such as '{clock}'; write it as HH:MM, or the day counts alone"
    ]


@pytest.mark.parametrize("clock", ["00:00", "00:00:00", "0:00", "12:00 AM", "00:00:00.000", "00:00:00+02:00"])
def test_midnight_is_no_time_and_no_doubt(herd, clock):
    source = write(herd, date=[f"2021-05-06 {clock}"] * 8)
    assert remarks(source) == [] and set(reidbench.load_dataset(source).table["date"]) == {"2021-05-06"}


@pytest.mark.parametrize("word", ["NA", "n/a", "?", "unknown", "-", ""])
def test_a_word_for_a_missing_date_is_no_date(herd, word):
    assert list(reidbench.load_dataset(write(herd, date=[word, *["2021-05-07"] * 7])).date)[0] == ""


def test_dates_that_may_be_wrong_are_said(herd):
    later = (datetime.date.today() + datetime.timedelta(days=400)).isoformat()
    lines = remarks(write(herd, date=[later, "1970-01-01", "1970-01-01", "0000-00-00", *["2021-05-06"] * 4]))
    assert lines == [
        "1 date without a day, such as a year alone, read as no date",
        f"1 date in the future, such as {later}; correct or empty such cells",
        "2 dates are 1970-01-01, where clocks begin that were never set; they count as days, so empty such cells if "
        "they are wrong",
    ]


def test_offsets_from_utc_are_said_if_they_differ(herd):
    one, two = "2021-05-06T12:00:00+02:00", "2021-05-07T12:00:00Z"
    assert remarks(write(herd, date=[one] * 8)) == []
    assert remarks(write(herd, date=[one, two] * 4))[0].startswith("times have several offsets from UTC (+02:00, Z)")


@pytest.mark.parametrize("date", ["03/04/2021", "03.04.2021", "21-04-03", "44197", "1609459200", "3 May 2021"])
def test_a_date_that_leaves_a_choice_is_an_error_with_its_row(herd, date):
    with pytest.raises(ReidbenchError, match="cannot be read") as caught:
        reidbench.load_dataset(write(herd, date=["2021-05-06", date, *["2021-05-06"] * 6]))
    assert caught.value.where.endswith("herd.csv, row 3") and "year first" in caught.value.remedy


@pytest.mark.parametrize("cell", [["ana"], b"ana"])
def test_an_identity_that_is_no_text_is_an_error(herd, cell):
    table = pd.DataFrame({"identity": [cell] * 8, "path": [f"{row}.png" for row in range(8)]})
    table.to_parquet(herd / "herd.parquet")
    with pytest.raises(ReidbenchError, match="the identity .* not text"):
        reidbench.load_dataset(str(herd / "herd.parquet"))


def test_datasets_and_split_print_the_remarks(herd):
    source = write(herd, identity=identities("inconnu", "inconnu"))
    for command in (["datasets", source], ["split", source, "-o", str(herd / "split.csv")]):
        printed = " ".join(CliRunner().invoke(app, command).output.split())
        assert "'inconnu' (2 images)" in printed, command
