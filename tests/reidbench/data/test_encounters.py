"""Encounters: what joins photographs of one animal, and which columns say so."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from reidbench.cli.main import app
from reidbench.data.encounter_line import describe_encounters, minutes_without_effect
from reidbench.data.encounters import encounters_of
from reidbench.data.images import ImageSet
from reidbench.data.sources.cells import moment
from reidbench.data.sources.rows import ENCOUNTER_COLUMNS, Rows, image_set
from reidbench.data.splits import KINDS, Split, make_split
from reidbench.data.splits.leaks import shared_encounters
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.registry.datasets import load_dataset
from reidbench.running.evaluation import evaluate


def _encounters(identity="ana", **columns):
    n = len(next(iter(columns.values())) if columns else identity)
    identity = [identity] * n if isinstance(identity, str) else identity
    empty = {name: [""] * n for name in ("value", "time", "day", "cluster")}
    given = {name: each for name, each in columns.items() if name in empty}
    if "time" in given and "day" not in given:
        given["day"] = [time[:10] for time in given["time"]]
    options = {name: each for name, each in columns.items() if name not in empty}
    return encounters_of(identity, **{**empty, **given}, **options).tolist()


def test_photographs_just_before_and_after_midnight_are_one_encounter():
    assert _encounters(time=["2020-05-01T23:58:00", "2020-05-02T00:02:00"]) == [0, 0]


def test_sixty_minutes_apart_is_one_encounter_and_sixty_one_is_two():
    assert _encounters(time=["2020-05-01T10:00:00", "2020-05-01T11:00:00"]) == [0, 0]
    assert _encounters(time=["2020-05-01T10:00:00", "2020-05-01T11:00:01"]) == [0, 1]
    assert _encounters(time=["2020-05-01T10:00:00", "2020-05-01T11:01:00"]) == [0, 1]
    assert _encounters(time=["2020-05-01T10:00:00", "2020-05-01T11:01:00"], minutes=61) == [0, 0]


def test_a_chain_of_photographs_is_one_encounter():
    times = [f"2020-05-01T{hour}:00:00" for hour in (12, 10, 11)]
    assert _encounters(time=times) == [0, 0, 0]
    assert _encounters(value=["x", "x", ""], cluster=["", "c", "c"]) == [0, 0, 0]


def test_equal_values_of_two_animals_are_two_encounters():
    assert _encounters(["ana", "bo", "ana"], value=["7", "7", "7"]) == [0, 1, 0]
    assert _encounters(["ana", "bo"], time=["2020-05-01T10:00:00"] * 2) == [0, 1]


def test_equal_files_of_one_animal_are_one_encounter():
    assert _encounters(["ana", "bo", "ana", "ana"], file=["f", "f", "f", "g"]) == [0, 1, 0, 2]


def test_a_split_keeps_copies_of_one_photograph_together(tmp_path):
    # Ten animals with four photographs; the second is a copy of the first. No dates, so nothing else joins them.
    rows = ["identity,path"]
    for animal in range(10):
        for number in range(4):
            shade = 20 * animal + (0 if number == 1 else number)
            path = f"{animal}_{number}.png"
            Image.new("RGB", (8, 8), (shade, animal, 7)).save(tmp_path / path)
            rows.append(f"a{animal},{path}")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    images = load_dataset(str(tmp_path / "m.csv"))
    for seed in range(8):
        split = make_split(images, seed=seed)
        part = dict(zip(split.image_ids, split.parts, strict=True))
        enrolled = {f"{animal}_{number}.png" for animal in range(10) for number in (0, 1)}
        for path in enrolled:
            copy = path.replace("_0", "_x").replace("_1", "_0").replace("_x", "_1")
            if part[path] == "gallery":
                assert part[copy] in ("gallery", "unused")


def test_a_day_joins_only_photographs_without_value_and_time():
    day = ["2020-05-01"] * 3
    assert _encounters(day=day) == [0, 0, 0]
    assert _encounters(day=day, value=["x", "y", "z"]) == [0, 1, 2]
    assert _encounters(day=day, value=["x", "y", ""]) == [0, 0, 0]  # the third is joined to all of its day
    assert _encounters(day=day, value=["x", "y", "z"], whole_days=True) == [0, 0, 0]
    assert _encounters(day=["2020-05-01", "2020-05-01", "2020-05-02"], time=["", "2020-05-01T09:00:00", ""]) == [
        0,
        0,
        1,
    ]


def test_a_cluster_joins_days_and_does_not_replace_them():
    days = ["2020-05-01", "2020-05-01", "2020-05-09", "2020-05-10"]
    assert _encounters(day=days, cluster=["a", "b", "b", "c"]) == [0, 0, 0, 1]


def test_photographs_without_anything_are_encounters_by_themselves():
    assert _encounters(value=["", "", ""]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2020-05-01 23:58", "2020-05-01T23:58:00"),
        ("2020:05:01 07:08:09.5", "2020-05-01T07:08:09"),
        ("2020-05-01T07:08:09Z", "2020-05-01T07:08:09"),
        ("2020-05-01T07:08:09+02:00", "2020-05-01T07:08:09"),
        ("2020-05-01 12:05 AM", "2020-05-01T00:05:00"),
        ("2020-05-01 2:05 pm", "2020-05-01T14:05:00"),
        ("2020-05-01 00:00:00", "2020-05-01"),
        ("2020-05-01 25:00", "2020-05-01"),
        (pd.Timestamp("2020-05-01 23:58"), "2020-05-01T23:58:00"),
        (pd.Timestamp("2020-05-01"), "2020-05-01"),
        ("20200501", "2020-05-01"),
    ],
)
def test_a_date_keeps_its_time_of_day(cell, expected):
    assert moment(cell) == expected


@pytest.fixture
def photographs(tmp_path):
    """Return a function that makes a dataset of drawn photographs, one for each identity, with further columns."""

    def make(identity, exif=None, **columns):
        paths = []
        for row in range(len(identity)):
            picture = Image.new("RGB", (8, 8), (row * 7 % 256, 40, row // 30))
            tags = Image.Exif()
            if exif is not None and exif[row]:
                tags.get_ifd(0x8769)[0x9003] = exif[row]
            picture.save(tmp_path / f"{row}.jpg", exif=tags)
            paths.append(f"{row}.jpg")
        table = {"identity": identity, "path": paths, **columns}
        return image_set("drawn", Rows(table, "drawn.csv", None, len(paths)), root=tmp_path, source="file")

    return make


def _numbers(images):
    _, first = np.unique(images.encounter, return_index=True)
    order = {images.encounter[row]: place for place, row in enumerate(sorted(first))}
    return [order[each] for each in images.encounter]


@pytest.mark.parametrize("column", [*ENCOUNTER_COLUMNS, "Event ID", "SEQUENCE-ID", "video id"])
def test_each_known_column_holds_encounters(photographs, column):
    images = photographs(["ana", "ana", "ana", "bo"], **{column: ["1", "2", "1", "1"]})
    assert _numbers(images) == [0, 1, 0, 2]
    assert images.encounter_column == column
    assert describe_encounters(images) == (
        "3 encounters of 2 animals: an encounter is all photographs of one animal with the same value in column "
        f"'{column}'"
    )


def test_a_word_for_a_missing_value_is_no_encounter(photographs):
    images = photographs(["ana"] * 4, encounter=["NA", "x", "x", "NA"])
    assert _numbers(images) == [0, 1, 1, 2]


@pytest.mark.parametrize(
    "other",
    [" dive 1 ", "dive  1", "dive\u00a01", "dive\u200b 1"],
)
def test_blanks_in_an_encounter_value_make_no_other_encounter(photographs, other):
    images = photographs(["ana"] * 3, encounter=["dive 1", other, "dive 2"])
    assert _numbers(images) == [0, 0, 1]


def test_composed_and_decomposed_letters_of_an_encounter_value_are_the_same(photographs):
    assert _numbers(photographs(["ana"] * 3, encounter=["plongée", "plonge\u0301e", "plonge"])) == [0, 0, 1]


def test_an_encounter_number_is_the_same_with_and_without_a_decimal_zero(photographs):
    assert _numbers(photographs(["ana"] * 3, encounter=["1.0", "1", "2"])) == [0, 0, 1]
    assert _numbers(photographs(["ana"] * 4, encounter=["1.0", "1", "NA", "NA"])) == [0, 0, 1, 2]
    assert _numbers(photographs(["ana"] * 3, encounter=[1.0, "1", None])) == [0, 0, 1]
    assert _numbers(photographs(["ana"] * 4, encounter=["1.0", "1", "A", "A"])) == [0, 0, 1, 1]


def test_clusters_are_compared_as_encounter_values_are(photographs):
    assert _numbers(photographs(["ana"] * 4, cluster_id=["1.0", "1", "NA", "NA"])) == [0, 0, 1, 2]


def test_two_cases_of_an_encounter_value_are_two_encounters_and_a_remark(photographs):
    images = photographs(["ana", "ana", "ana", "bo"], encounter=["Dive 1", "dive 1", "dive 1", "DIVE 1"])
    assert _numbers(images) == [0, 1, 1, 2]
    assert "1 encounter value of an animal in two spellings" in images.note
    assert "'Dive 1' and 'dive 1' of 'ana'" in images.note


def test_an_encounter_value_on_dates_months_apart_is_a_remark_and_the_rule_stays(photographs):
    dates = ["2021-01-10", "2021-03-12", "2021-01-10", "2021-02-10"]
    images = photographs(["ana", "ana", "bo", "bo"], date=dates, burst=["1", "1", "1", "1"])
    assert _numbers(images) == [0, 0, 1, 1]
    # Ana: 61 days apart. Bo: exactly 31 days apart, which is not more than 31.
    assert "1 encounter value of an animal with dates more than 31 days apart" in images.note
    assert "'1' of 'ana' (2021-01-10 to 2021-03-12)" in images.note and "'bo'" not in images.note


def test_a_set_made_in_python_has_its_encounter_values_in_one_spelling(photographs):
    images = photographs(["ana"] * 2)
    columns = {"encounter": pd.Series(["dive 1", " dive  1"], dtype=object)}
    made = ImageSet("made", images.root, images.table.assign(**columns))
    assert _numbers(made) == [0, 0]


def test_the_line_names_the_columns_that_are_not_used(photographs):
    images = photographs(["ana"] * 3, eventID=["1", "1", "2"], seq_id=["1", "1", "1"], camera=["c", "c", "c"])
    assert describe_encounters(images) == (
        "2 encounters of 1 animals: an encounter is all photographs of one animal with the same value in column "
        "'eventID'; columns not used: seq_id, camera"
    )


def test_a_column_that_never_repeats_is_an_id_and_no_encounter(photographs):
    images = photographs(["ana", "ana", "bo"], occurrenceID=["a", "b", "c"], date=["2020-05-01"] * 3)
    assert _numbers(images) == [0, 0, 1]
    assert "occurrenceID" in images.note and "occurrenceID" in describe_encounters(images)


def test_times_of_files_are_used_if_the_table_has_neither_times_nor_encounters(photographs):
    exif = ["2020:05:01 23:58:00", "2020:05:02 00:02:00", "2020:05:02 01:03:00"]
    assert _numbers(photographs(["ana"] * 3, exif=exif)) == [0, 0, 1]
    days = ["2020-05-01", "2020-05-02", "2020-05-02"]
    assert _numbers(photographs(["ana"] * 3, exif=exif, date=days)) == [0, 0, 1]
    assert _numbers(photographs(["ana"] * 3, exif=exif, encounter=["x", "", "x"])) == [0, 1, 0]


def test_times_of_files_on_new_years_day_join_photographs_as_on_any_other_day(photographs):
    exif = ["2022:01:01 10:00:00", "2022:01:01 10:59:00", "2022:01:01 12:00:00"]
    assert _numbers(photographs(["ana"] * 3, exif=exif)) == [0, 0, 1]


def test_times_of_files_that_are_not_used_are_counted_in_the_line(photographs):
    exif = ["2000:01:01 00:01:00", "2000:01:01 00:02:00", "2021:05:06 00:00:00"]
    assert describe_encounters(photographs(["ana"] * 3, exif=exif)) == (
        "3 encounters of 1 animals: each photograph is one encounter, because the data have no encounter values, "
        "usable times or dates; EXIF times that are not used: 3 from clocks that were never set or with a day only"
    )
    exif[2] = "2021:05:06 07:08:09"
    assert describe_encounters(photographs(["ana"] * 3, exif=exif)).endswith(
        "(times from EXIF data); EXIF times that are not used: 2 from clocks that were never set or with a day only"
    )


def test_encounters_without_minutes_are_days_as_in_earlier_versions(photographs):
    images = photographs(
        ["ana"] * 3, date=["2020-05-01 09:00", "2020-05-01 12:00", "2020-05-02"], video=["1", "2", "1"]
    )
    assert _numbers(images) == [0, 1, 0]
    assert _numbers(images.by_rule_1("drawn")) == [0, 0, 1]


def test_time_and_encounter_count_in_the_digest(photographs):
    digests = [
        photographs(["ana", "ana"], **columns).digest
        for columns in (
            {"encounter": ["x", "x"]}, {"encounter": ["y", "y"]}, {"date": ["2020-05-01 10:00"] * 2},
            {"date": ["2020-05-01 10:01"] * 2}, {"date": ["2020-05-01"] * 2}, {"cluster_id": ["c", "c"]}, {},
        )
    ]  # fmt: skip
    assert len(set(digests)) == 7


def test_the_minutes_of_an_encounter_can_be_set(photographs):
    images = photographs(["ana"] * 2, date=["2020-05-01 10:00", "2020-05-01 10:30"])
    assert _numbers(images) == [0, 0]
    assert _numbers(images.with_encounter_minutes(29)) == [0, 1]
    assert images.with_encounter_minutes(29).digest == images.digest
    with pytest.raises(ReidbenchError, match="-1 minutes"):
        images.with_encounter_minutes(-1)


def test_minutes_without_any_time_have_no_effect_and_a_note(photographs):
    days = photographs(["ana"] * 2, date=["2020-05-01", "2020-05-02"])
    assert "--encounter-minutes 5 has no effect" in minutes_without_effect(days.with_encounter_minutes(5))
    assert minutes_without_effect(days) == ""  # the default: no option was given
    times = photographs(["ana"] * 2, date=["2020-05-01 10:00", "2020-05-02"])
    assert minutes_without_effect(times.with_encounter_minutes(5)) == ""


@pytest.mark.parametrize(
    "command",
    [
        ["split", "-o", "split.csv"],
        ["audit", "--no-split"],
        ["run", "--method", "color_histogram", "--runs", "runs"],
    ],
)
def test_commands_say_that_encounter_minutes_have_no_effect_without_times(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["identity,path,date"]
    for animal in range(8):
        for day in range(1, 5):
            name = f"{animal}_{day}.png"
            Image.new("RGB", (16, 16), (animal * 30, day * 50, 90)).save(tmp_path / name)
            rows.append(f"a{animal},{name},2020-05-0{day}")
    (tmp_path / "herd.csv").write_text("\n".join(rows) + "\n")
    dataset = ["--dataset", "herd.csv"] if command[0] == "run" else ["herd.csv"]
    done = CliRunner().invoke(app, [command[0], *dataset, *command[1:], "--encounter-minutes", "5"])
    assert done.exit_code == 0, done.output
    assert " ".join(done.output.split()).count("--encounter-minutes 5 has no effect") == 1


def test_a_run_records_the_encounters_and_their_minutes_decide_its_id(tmp_path):
    drawn = load_dataset("patterns:identities=12,size=64,level=easy")
    given = {"runs_dir": tmp_path, "device": "cpu", "progress": Progress()}
    record = evaluate("color_histogram", drawn, **given)
    assert record.data.dataset.encounter_minutes == 60
    assert record.data.dataset.n_encounters == len(set(zip(drawn.identity, drawn.date, strict=True)))
    shared = record.data.split.encounters_shared
    assert {part: each.count for part, each in shared.items()} == {"calibration": 0, "test": 0}
    other = evaluate("color_histogram", drawn, encounter_minutes=5, **given)
    assert other.data.dataset.encounter_minutes == 5 and other.id != record.id


SHARED = Path(os.environ.get("REIDBENCH_SHARED", Path(__file__).parents[4] / "shared"))
ZEBRAS = SHARED / "data" / "zebra" / "metadata.csv"


def _zebras_in_bursts(night):
    """Return 72 zebras, 6 of each of 12 animals, as three bursts of two, four minutes apart: at night or at noon."""
    table = pd.read_csv(ZEBRAS, dtype=str)
    animals = table["identity"].value_counts()
    kept = table[table["identity"].isin(animals[animals >= 6].sort_index().index[:12])].groupby("identity").head(6)
    clock = {True: ("05-0{} 23:58", "05-0{} 00:02"), False: ("05-0{} 11:58", "05-0{} 12:02")}[night]
    dates = []
    for place in range(len(kept)):
        animal, photograph = divmod(place, 6)
        burst, second = divmod(photograph, 2)
        day = 2 * burst + (3 if animal > 8 else 1) + (second if night else 0)  # three animals are first seen later
        dates.append("2020-" + clock[second].format(day))
    columns = {"identity": kept["identity"].tolist(), "path": kept["path"].tolist(), "date": dates}
    return image_set("z72", Rows(columns, "z72.csv", None, len(kept)), root=ZEBRAS.parent, source="file")


@pytest.mark.skipif(not ZEBRAS.is_file(), reason="the zebra photographs are not here")
def test_no_encounter_is_on_two_sides_in_any_kind_of_split():
    for night in (True, False):
        images = _zebras_in_bursts(night)
        assert len(images) == 72 and len(np.unique(images.encounter)) == 36
        for kind in KINDS:
            split = make_split(images, kind=kind)
            rows = {part: split.indices(part, images) for part in ("gallery", "fit", "calibration", "test")}
            enrolled = images.encounter[np.concatenate([rows["gallery"], rows["fit"]])]
            sides = [set(enrolled), set(images.encounter[rows["calibration"]]), set(images.encounter[rows["test"]])]
            torn = [a & b for place, a in enumerate(sides) for b in sides[place + 1 :]]
            assert any(torn) == (kind == "random"), kind
            assert any("two sides" in warning for warning in split.warnings) == (kind == "random")


def test_the_share_of_queries_that_share_an_encounter_with_the_gallery_is_counted(photographs):
    images = photographs(["ana"] * 4 + ["bo"], encounter=["x", "x", "y", "y", "x"])
    split = Split(tuple(images.image_id), ("gallery", "test", "test", "test", "calibration"), "file", None)
    parts = np.array(split.parts, dtype=object)
    shared = shared_encounters(parts, images)
    assert (shared["test"].count, shared["test"].of) == (1, 3)  # image 1 shares x with image 0
    assert shared["test"].share == pytest.approx(1 / 3)
    assert (shared["calibration"].count, shared["calibration"].share) == (0, 0.0)


def _bursts(folder, night):
    """Draw 12 animals with four bursts of two photographs; only the two photographs of a burst have one colour."""
    rows = []
    for burst in range(48):
        colour = np.random.default_rng(burst).integers(70, 186, 3)
        for second in range(2):
            path = folder / f"{burst}_{second}.png"
            noise = np.random.default_rng((burst, second)).normal(0, 40, (32, 32, 3))  # no two scores are equal
            Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(path)
            day = 1 + 2 * (burst % 4) + (second if night else 0)
            clock = (("23:58", "00:02") if night else ("11:58", "12:02"))[second]
            rows.append((f"a{burst // 4}", path.name, f"2020-05-0{day} {clock}"))
    columns = dict(zip(("identity", "path", "date"), map(list, zip(*rows, strict=True)), strict=True))
    return image_set("bursts", Rows(columns, "bursts.csv", None, len(rows)), root=folder, source="file")


def test_bursts_at_night_score_as_the_same_bursts_at_noon(tmp_path):
    night, noon = _bursts(tmp_path, night=True), _bursts(tmp_path, night=False)
    given = {"runs_dir": tmp_path / "runs", "device": "cpu", "progress": Progress()}
    assert _numbers(night) == _numbers(noon) and len(set(_numbers(night))) == 48
    split = make_split(noon)
    records = [evaluate("color_histogram", images, split=split, **given) for images in (night, noon)]
    numbers = [
        {name: each for name, each in record.metrics.items() if not isinstance(each, dict)} for record in records
    ]
    assert numbers[0] == pytest.approx(numbers[1])
    for images in (night, noon):  # in the split of each, no query meets its own burst, so colours are no help
        record = evaluate("color_histogram", images, **given)
        assert {each.count for each in record.data.split.encounters_shared.values()} == {0}
        records.append(record)
    parted = evaluate("color_histogram", night, encounter_minutes=0, split_kind="random", **given)
    assert parted.data.split.encounters_shared["test"].count == 0  # each photograph is an encounter with 0 minutes
    assert (
        parted.metrics["rank1"] > max(record.metrics["rank1"] for record in records) + 0.1
    )  # the halves of a burst meet


def test_a_set_made_in_python_needs_no_column_encounter(photographs):
    images = photographs(["ana", "ana"], date=["2020-05-01"] * 2)
    plain = ImageSet("plain", images.root, images.table.drop(columns="encounter"))
    assert _numbers(plain) == [0, 0] and plain.digest == images.digest
