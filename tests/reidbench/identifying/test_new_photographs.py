"""New photographs have the group that the table, the folder or the option gives, and the gallery must have it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidbench.errors import ReidbenchError
from reidbench.identifying.new_photographs import read_photographs


@pytest.fixture
def table(tmp_path):
    """Write a CSV with one tiny photograph for each group."""

    def write(*groups: str, column: str = "species") -> Path:
        lines = [f"path,{column}"]
        for number, group in enumerate(groups):
            Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
            lines.append(f"{number}.png,{group}")
        (tmp_path / "new.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "new.csv"

    return write


@pytest.mark.parametrize("column", ["species", "dataset"])
@pytest.mark.parametrize("groups", [("zebra",), ("giraffe", "zebra")])
def test_a_photograph_of_a_group_that_the_gallery_lacks_is_an_error(table, groups, column):
    with pytest.raises(ReidbenchError) as caught:
        read_photographs(table("zebra", "lion", "seal", "lion", column=column), groups)
    assert caught.value.message.endswith("'lion' (2 photographs), 'seal' (1 photograph)")
    assert caught.value.where.endswith("new.csv, row 3")
    assert caught.value.remedy.endswith(f"Groups of the gallery: {', '.join(groups)}")


def test_the_group_is_checked_before_any_photograph_is_decoded(table):
    decoded = []
    with pytest.raises(ReidbenchError, match="'lion'"):
        read_photographs(table("zebra", "lion"), ["zebra"], advance=decoded.append)
    assert not decoded


def test_an_empty_group_is_the_only_group_of_the_gallery(table):
    new = read_photographs(table("zebra", ""), ["zebra"])
    assert new.images.group.tolist() == ["zebra", "zebra"] and list(new.notes) == ["columns: path, species"]


def test_the_option_overrides_the_groups_of_the_table_with_a_note(table):
    new = read_photographs(table("zebra", "lion", "lion"), ["zebra"], "zebra")
    assert new.images.group.tolist() == ["zebra", "zebra", "zebra"]
    assert list(new.notes) == [
        "columns: path, species",
        "--group zebra is used instead of the groups in the table: 'lion' (2 photographs)",
    ]


def test_a_table_with_species_needs_the_option_if_the_gallery_has_no_groups(table):
    with pytest.raises(ReidbenchError, match="'zebra'") as caught:
        read_photographs(table("zebra"), ["all"])
    assert "--group" in caught.value.remedy and caught.value.remedy.endswith("gallery: all")
    assert read_photographs(table("zebra"), ["all"], "all").images.group.tolist() == ["all"]


def test_a_wrong_date_names_the_row_of_the_file(table):
    source = table("2021-01-10", "03/04/2021", column="date")
    with pytest.raises(ReidbenchError, match="date '03/04/2021' cannot be read") as caught:
        read_photographs(source, ["zebra"])
    assert caught.value.where == f"{source}, row 3"  # the header is row 1


def test_a_missing_photograph_is_listed_with_the_near_file(table):
    source = table("zebra", "zebra")
    source.write_text(source.read_text().replace("1.png", "1.PNG"))
    new = read_photographs(source, ["zebra"])
    ((name, why),) = new.unreadable
    assert name == "1.PNG" and why == "the image file is missing; did you mean '1.png'?"
