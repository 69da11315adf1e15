"""One reader for every CSV: lenient about form, strict about what could shift a value, precise about the row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.csv_files import csv_text, read_csv, write_csv
from reidbench.errors import ReidbenchError


def table(tmp_path, content):
    path = tmp_path / "animals.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separator_byte_order_mark_and_line_ends_are_found_out(tmp_path, separator, mark, end):
    lines = [["image_id", " identity "], ["007", "NA"], ["8", f"a{separator}b"]]
    text = mark + end.join(separator.join(f'"{cell}"' for cell in line) for line in lines)
    found = table(tmp_path, text)
    assert found.columns == {"image_id": ("007", "8"), "identity": ("NA", f"a{separator}b")}


def test_a_semicolon_in_a_name_is_no_separator_if_commas_give_more_cells(tmp_path):
    assert list(table(tmp_path, "image_id,sex;age,path\n1,f;3,a.png\n").columns) == ["image_id", "sex;age", "path"]


def test_a_single_column_needs_no_separator(tmp_path):
    assert table(tmp_path, "path\na.png\nb.png\n").columns == {"path": ("a.png", "b.png")}


def test_cells_stay_as_written(tmp_path):
    assert table(tmp_path, "path\n a.png \n").columns["path"] == (" a.png ",)


def test_a_cell_can_be_long(tmp_path):
    assert table(tmp_path, f'path,segmentation\na.png,"{"1," * 200_000}"\n').columns["segmentation"] == (
        "1," * 200_000,
    )


def test_blank_rows_are_skipped_and_a_record_knows_its_first_row(tmp_path):
    found = table(tmp_path, '\n , \nimage_id,note\n\n1,"two\nlines"\n,\n2,\n')
    assert found.columns["image_id"] == ("1", "2") and found.rows == (5, 8)
    assert found.where(1) == f"{tmp_path / 'animals.csv'}, row 8" and len(found) == 2


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    found = table(tmp_path, "image_id,identity\n")
    assert len(found) == 0 and found.columns == {"image_id": (), "identity": ()}


def test_the_index_that_pandas_writes_and_empty_columns_are_left_out(tmp_path):
    assert table(tmp_path, ",image_id,path,,\n0,1,a.png,,\n1,2,b.png, ,\n").columns == {
        "image_id": ("1", "2"),
        "path": ("a.png", "b.png"),
    }


@pytest.mark.parametrize(
    ("content", "message", "row"),
    [
        ("", "the file is empty", None),
        (" ,\n\n", "the file is empty", None),
        ('a,b\n1,"2\n3"\n4\n', "the row has 1 cell, the header 2", 4),
        ("a;b\n1;2;3\n", "the row has 3 cells, the header 2", 2),
        ("a,b, a\n1,2,3\n", "several columns are called a", 1),
        ("\na,b,a\n", "several columns are called a", 2),
        ("sep=|\na|b\n1|2\n", "the first line names the separator '|'", 1),
        ("a,,b\n1,2,3\n", "column 2 has no name", 1),
        ('a,b\n1,2\n3,"4\n5,6\n', "unexpected end of data", 3),
        ('a,b\n1,"2"x\n', "',' expected after '\"'", 2),
        ("a,b\n1,2\nZoé,3\n".encode("latin-1"), "the file is not in UTF-8", 3),
        ("a,b\n1,2\n".encode("utf-16"), "the file is not in UTF-8", 1),
        ("a,b\n1,2\n".encode("utf-16-le"), "the file contains zero bytes", None),
    ],
)
def test_what_could_shift_a_value_is_refused_with_its_row(tmp_path, content, message, row):
    with pytest.raises(ReidbenchError) as caught:
        table(tmp_path, content)
    assert caught.value.message == f"the table can't be read: {message}" and caught.value.remedy
    assert caught.value.where == str(tmp_path / "animals.csv") + ("" if row is None else f", row {row}")


def test_the_remedy_names_the_separator_of_the_file(tmp_path):
    with pytest.raises(ReidbenchError) as caught:
        table(tmp_path, "a;b\n1;2;3\n")
    assert caught.value.remedy == "put quotation marks around a cell that contains a semicolon"


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_that_names_the_separator_is_read_over(tmp_path, first):
    found = table(tmp_path, f"{first}\r\na,x;b\r\n1;2\r\n3;4\r\n")  # commas alone would make two other columns
    assert {name: list(cells) for name, cells in found.columns.items()} == {"a,x": ["1", "3"], "b": ["2", "4"]}
    assert list(found.rows) == [3, 4]


@pytest.mark.parametrize(
    ("above", "seen"),
    [
        ("Zebra survey 2021", "row 1 has 'Zebra survey 2021', which seems to be a title"),
        ("Zebra survey 2021,,\n,,", "row 1 has 'Zebra survey 2021', which seems to be a title"),
        ("\n# exported by X", "row 2 has '# exported by X', which seems to be a comment"),
        ("# by X, 2021", "row 1 has '# by X, 2021', which seems to be a comment"),
    ],
)
def test_a_title_or_comment_above_the_columns_is_named(tmp_path, above, seen):
    with pytest.raises(ReidbenchError) as caught:
        table(tmp_path, f"{above}\nidentity,path,date\nana,0.png,2021-01-10\n")
    assert caught.value.message == f"the table can't be read: {seen} and not the names of the columns"
    assert caught.value.remedy.startswith("remove the rows above the names of the columns")


def test_a_row_with_too_few_cells_is_not_told_to_quote_them(tmp_path):
    with pytest.raises(ReidbenchError, match="the row has 1 cell, the header 2") as caught:
        table(tmp_path, "a;b\n1\n")
    assert caught.value.remedy == "write a semicolon for each cell that is empty, also at the end of the row"


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_is_none_is_one_message(tmp_path, name):
    with pytest.raises(ReidbenchError, match="the split can't be read") as caught:
        read_csv(tmp_path / name, "split", remedy="run it again")
    assert caught.value.where == str(tmp_path / name) and caught.value.remedy == "run it again"


def test_columns_that_are_missing_are_named_with_those_found(tmp_path):
    found = table(tmp_path, "id,path\n1,a.png\n")
    found.require("path")
    with pytest.raises(ReidbenchError) as caught:
        found.require("identity", "path", "date")
    assert caught.value.message == ("no column identity and no column date in the table; columns of the file: id, path")
    assert caught.value.remedy == "the first row needs identity,path,date"


def test_a_column_that_the_file_does_not_have_is_empty(tmp_path):
    found = table(tmp_path, "path\na.png\n")
    assert list(found.column("date")) == [""] and list(found.column("path")) == ["a.png"]


def test_a_row_of_another_length_is_not_written():
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        csv_text(("a", "b"), [("1",)])


@given(st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))] * 2)))
def test_text_that_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    write_csv(path, ("first", "second"), rows)
    found = read_csv(path)
    assert list(zip(*found.columns.values(), strict=True)) == [row for row in rows if any(map(str.strip, row))]
