"""Boxes are read in the form that they have, and a box that fits no picture is named with its row."""

import numpy as np
import pytest
from PIL import Image

import reidbench
from reidbench.data.picture_size import upright_size
from reidbench.data.sources.boxes import read_boxes
from reidbench.errors import ReidbenchError
from reidbench.identifying.new_photographs import read_photographs

WIDTH, HEIGHT = 200, 100


@pytest.fixture
def herd(tmp_path):
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def table(herd, *boxes, columns="identity,path,bbox", name="herd.csv"):
    rows = [f'a{number // 2},{number}.png,"{box}"' for number, box in enumerate(boxes)]
    (herd / name).write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    return str(herd / name)


PIXELS = ["[20, 10, 100, 50]", "[0, 0, 200, 100]", "[100, 50, 60, 40]", ""]
CORNERS = ["[20, 10, 120, 60]", "[0, 0, 200, 100]", "[100, 50, 160, 90]", ""]
SHARES = ["[0.1, 0.1, 0.5, 0.5]", "[0, 0, 1, 1]", "[0.5, 0.5, 0.3, 0.4]", ""]


def test_pixels_corners_and_shares_of_the_same_boxes_are_one_dataset(herd):
    pixels = reidbench.load_dataset(table(herd, *PIXELS))
    corners = reidbench.load_dataset(table(herd, *CORNERS), bbox="xyxy")
    shares = reidbench.load_dataset(table(herd, *SHARES), bbox="relative")
    expected = [(20, 10, 100, 50), (0, 0, 200, 100), (100, 50, 60, 40), None]
    for images in (pixels, corners, shares):
        for box, wanted in zip(images.table["bbox"], expected, strict=True):
            assert box is None if wanted is None else box == pytest.approx(wanted)
    assert pixels.digest == corners.digest


def test_boxes_of_which_no_number_is_above_1_are_refused_as_shares(herd):
    with pytest.raises(ReidbenchError, match="shares of the picture: no number of the 3 boxes is above 1") as caught:
        reidbench.load_dataset(table(herd, *SHARES))
    assert "--bbox relative" in caught.value.remedy
    one_above = [SHARES[1], "[0, 0, 40, 40]", SHARES[1], ""]  # pixels, of which two are a pixel wide
    assert reidbench.load_dataset(table(herd, *one_above)).reading.boxes.n_small == 2


def test_boxes_that_leave_their_picture_and_fit_as_corners_are_refused(herd):
    boxes = [
        "[120, 60, 180, 90]",
        "[150, 10, 190, 60]",
        "[20, 10, 40, 60]",
    ]  # as xywh, 120 + 180 > 200, 150 + 190 > 200
    with pytest.raises(ReidbenchError, match=r"\[x, y, width, height\], 2 of 3 leave their picture") as caught:
        reidbench.load_dataset(table(herd, *boxes))
    assert "--bbox xyxy" in caught.value.remedy
    images = reidbench.load_dataset(table(herd, *boxes), bbox="xyxy")
    assert images.table["bbox"][0] == (120, 60, 60, 30)
    as_written = reidbench.load_dataset(table(herd, *boxes), bbox="xywh")
    assert as_written.table["bbox"][0] == (120, 60, 180, 90)


def test_boxes_that_fit_as_corners_and_around_a_centre_name_both(herd):
    # The pictures have 200 x 100 pixels. The box is 30 to 150 and 20 to 80 around its centre; as corners, it is 90 to
    # 120 and 50 to 60; as written, it is 50 to 110 from the top.
    with pytest.raises(ReidbenchError) as caught:
        reidbench.load_dataset(table(herd, *["[90, 50, 120, 60]"] * 4))
    assert (
        "seem to be corners [left, top, right, bottom] or [centre x, centre y, width, height]" in caught.value.message
    )
    assert "--bbox xyxy" in caught.value.remedy and "x - width / 2" in caught.value.remedy


def test_boxes_that_fit_only_around_a_centre_are_not_called_corners(herd):
    # As corners, [120, 50, 100, 80] has a width of -20. Around its centre it is 70 to 170 and 10 to 90.
    with pytest.raises(ReidbenchError, match=r"seem to be \[centre x, centre y, width, height\]") as caught:
        reidbench.load_dataset(table(herd, *["[120, 50, 100, 80]"] * 4))
    assert "xyxy" not in caught.value.remedy and "x - width / 2" in caught.value.remedy


@pytest.mark.parametrize("box", ["[0, 0, 0, 0]", "[-1, -1, -1, -1]", "[0.2, 0.2, 0, 0.1]"])
def test_boxes_without_a_size_are_not_called_shares(herd, box):
    with pytest.raises(ReidbenchError, match="is not a box: width or height is not above 0") as caught:
        reidbench.load_dataset(table(herd, *[box] * 4))
    assert caught.value.where.endswith("herd.csv, row 2")


def test_shares_among_pixels_are_refused(herd):
    with pytest.raises(
        ReidbenchError, match="shares of the picture: 2 of the 3 boxes have no number above 1"
    ) as caught:
        reidbench.load_dataset(table(herd, SHARES[0], "[20, 10, 100, 50]", SHARES[2], ""))
    assert "--bbox relative" in caught.value.remedy


def test_corners_are_refused_if_one_of_four_leaves_its_picture(herd):
    boxes = ["[10, 10, 90, 60]", "[20, 10, 100, 60]", "[5, 5, 80, 50]", "[120, 60, 180, 90]"]
    with pytest.raises(ReidbenchError, match="seem to be corners .* 1 of 4 leave their picture"):
        reidbench.load_dataset(table(herd, *boxes))


def test_percent_is_read_and_suspected_in_large_pictures(tmp_path):
    for number in range(5):
        Image.new("RGB", (800, 400), (number, 9, 9)).save(tmp_path / f"{number}.png")
    rows = [f'a{number},{number}.png,"[10, 20, 50, {40 + number}]"' for number in range(5)]
    (tmp_path / "herd.csv").write_text("\n".join(["identity,path,bbox", *rows]), encoding="utf-8")
    source = str(tmp_path / "herd.csv")
    with pytest.raises(ReidbenchError, match="seem to be percent of the picture: all 5 end before pixel 100") as caught:
        reidbench.load_dataset(source)
    assert "--bbox percent" in caught.value.remedy
    # 10 % of 800, 20 % of 400, 50 % of 800, 40 % of 400
    assert reidbench.load_dataset(source, bbox="percent").table["bbox"][0] == pytest.approx((80, 80, 400, 160))
    assert reidbench.load_dataset(source, bbox="xywh").table["bbox"][0] == (10, 20, 50, 40)
    (tmp_path / "herd.csv").write_text("\n".join(["identity,path,bbox", *rows[:4]]), encoding="utf-8")
    assert len(reidbench.load_dataset(source)) == 4  # four boxes can all be at the top left


def test_percent_above_100_is_an_error_with_its_row(herd):
    with pytest.raises(ReidbenchError, match="is no percentage, from 0 to 100") as caught:
        reidbench.load_dataset(table(herd, "[60, 0, 50, 10]"), bbox="percent")
    assert caught.value.where.endswith("row 2")


def test_boxes_of_the_stored_picture_that_exif_turns_are_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored 200 x 100, upright 100 x 200
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "0.jpg", exif=exif)
    with pytest.raises(ReidbenchError, match="1 boxes seem to be in pixels of the stored picture"):
        reidbench.load_dataset(_one(tmp_path, "[120, 10, 70, 80]"))
    images = reidbench.load_dataset(_one(tmp_path, "[10, 120, 80, 70]"))
    assert images.reading.boxes.n_turned == 1
    assert images.reading.lines()[-1] == "boxes: 1, 1 in pictures that EXIF turns (read in the upright picture)"


def _one(folder, box):
    (folder / "herd.csv").write_text(f'identity,path,bbox\na,0.jpg,"{box}"\n', encoding="utf-8")
    return str(folder / "herd.csv")


def test_boxes_that_are_cut_or_small_are_counted(herd):
    images = reidbench.load_dataset(
        table(herd, "[-10, 0, 60, 50]", "[150, 50, 80, 40]", "[10, 10, 31, 40]", "[180, 0, 100, 100]")
    )
    # The first two and the last leave the picture; of the last, 20 pixels are left.
    assert (images.reading.boxes.n, images.reading.boxes.n_cut, images.reading.boxes.n_small) == (4, 3, 2)
    assert "boxes: 4, 3 cut at the edge of the picture, 2 under 32 pixels" in images.reading.lines()


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("[300, 10, 50, 50]", r"the box \[300, 10, 50, 50\] is outside the picture, which has 200 x 100 pixels"),
        ("a,b", "bbox 'a,b' is not a box"),
        ("[1, 2, 3]", "is not a box: it needs four numbers"),
        ("[10, 10, 0, 20]", "width or height is not above 0"),
        ("[10, nan, 40, 40]", "is not a box"),
        ("[1e308, 1, 1e308, 1]", "is not a box: it needs four numbers of a picture"),
    ],
)
def test_a_wrong_box_is_an_error_with_its_row(herd, box, message):
    with pytest.raises(ReidbenchError, match=message) as caught:
        reidbench.load_dataset(table(herd, PIXELS[0], PIXELS[1], box))
    assert caught.value.where.endswith("herd.csv, row 4")


@pytest.mark.parametrize("cell", ["", "NA", "nan", "None", "[nan, nan, nan, nan]", "[]"])
def test_an_empty_box_is_no_box(herd, cell):
    images = reidbench.load_dataset(table(herd, PIXELS[0], cell))
    assert images.table["bbox"][1] is None and images.reading.boxes.n == 1


def test_a_share_above_1_and_corners_in_the_wrong_order_are_errors(herd):
    with pytest.raises(ReidbenchError, match="is no share of the picture"):
        reidbench.load_dataset(table(herd, "[0.5, 0, 0.6, 1]"), bbox="relative")
    with pytest.raises(ReidbenchError, match="width or height is not above 0"):
        reidbench.load_dataset(table(herd, "[60, 10, 20, 40]"), bbox="xyxy")


def test_a_form_without_boxes_or_without_meaning_is_an_error(herd):
    source = table(herd, *PIXELS, columns="identity,path,note")
    with pytest.raises(ReidbenchError, match="no column bbox") as caught:
        reidbench.load_dataset(source, bbox="xyxy")
    assert "--columns bbox=COLUMN" in caught.value.remedy
    with pytest.raises(ReidbenchError, match="no form of boxes 'yolo'"):
        reidbench.load_dataset(source, bbox="yolo")
    with pytest.raises(ReidbenchError, match="so --bbox has no use"):
        reidbench.load_dataset("patterns", bbox="xyxy")


def test_boxes_are_in_the_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "turned.jpg", exif=exif)
    assert upright_size(tmp_path / "turned.jpg") == (HEIGHT, WIDTH)
    read = read_boxes(["[0, 0, 1, 0.5]"], [tmp_path / "turned.jpg"], "relative")
    assert read.boxes == [(0, 0, 100, 100)] and not read.problems


def test_identify_leaves_out_rows_with_a_wrong_box_and_reads_the_others(herd):
    source = herd / "new.csv"
    source.write_text(
        'File,Bounding Box\n0.png,"[20, 10, 100, 50]"\n1.png,"a,b"\n2.png,"[nan, nan, nan, nan]"\n3.png,"[1, 2, 3]"\n',
        encoding="utf-8",
    )
    new = read_photographs(source, ["all"])
    assert list(new.images.image_id) == ["0.png", "2.png"]
    assert list(new.images.table["bbox"]) == [(20, 10, 100, 50), None]
    assert [name for name, _ in new.unreadable] == ["1.png", "3.png"]
    assert new.unreadable[0][1] == f"bbox 'a,b' is not a box: it needs four numbers ({source}, row 3)"
    assert "columns: path from 'File', bbox from 'Bounding Box'" in new.notes


def test_identify_takes_the_form_of_boxes(herd):
    (herd / "new.csv").write_text('path,bbox\n0.png,"[0.1, 0.1, 0.5, 0.5]"\n', encoding="utf-8")
    with pytest.raises(ReidbenchError, match="shares of the picture"):
        read_photographs(herd / "new.csv", ["all"])
    new = read_photographs(herd / "new.csv", ["all"], bbox="relative")
    assert new.images.table["bbox"][0] == pytest.approx((20, 10, 100, 50))
