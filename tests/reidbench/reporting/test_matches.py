"""Lines between matched points, from made-up features and from a method that keeps keypoints."""

import re

import numpy as np
import pytest

import reidbench
from reidbench.calibration.calibrated import Calibrated
from reidbench.data.splits import read_split
from reidbench.leaderboard.ranking import leaderboard
from reidbench.methods.calibration import Calibration
from reidbench.methods.fusion import Fusion
from reidbench.methods.local_matching import Matches
from reidbench.methods.representation import Ragged, Representation
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.reporting.error_cards import ErrorCards
from reidbench.reporting.error_cases import ErrorCase
from reidbench.reporting.matches import MOST_LINES, MatchedPoints, draw_matches, match_images, matcher_of
from reidbench.reporting.page import PageOptions, write_report
from reidbench.reporting.photographs import Photographs, Thumbnail, find_photographs
from reidbench.running.keypoint_part import keypoint_part
from tests.reidbench.records.example import changed

LEFT = Thumbnail("data:image/jpeg;base64,AAAA", 120, 60)
SMALL = "patterns:identities=24,size=64,level=easy"
RIGHT = Thumbnail("data:image/jpeg;base64,BBBB", 60, 60)


CORNERS = Representation(
    {},
    {
        "keypoint": Ragged.from_rows([np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)]),
        "descriptor": Ragged.from_rows([np.eye(4)]),
    },
)


class Corners:
    """Matches two corners of an image with their like."""

    def match(self, query, gallery, pairs):
        assert pairs.tolist() == [[0, 0]] and len(query) == len(gallery) == 1
        assert query.ragged["descriptor"][0].shape == (4, 4)
        return Matches(np.zeros(2, np.int64), np.array([0, 3]), np.array([0, 2]), np.ones(2, np.float32))


def test_points_are_those_that_the_method_matched():
    found = match_images(Corners(), CORNERS, CORNERS)
    assert found.query.tolist() == [[0, 0], [1, 1]] and found.gallery.tolist() == [[0, 0], [0, 1]]


def test_a_line_runs_from_the_left_picture_to_the_right_one():
    points = MatchedPoints(np.array([[0.5, 0.5], [1.0, 1.0]]), np.array([[0.0, 0.25], [1.0, 1.0]]))
    drawn = draw_matches(LEFT, RIGHT, points, 'two <b>"matches"</b>')
    # Both are drawn 120 high: the left one is 240 wide, the right one 120, with 8 between.
    assert 'd="M120.0 60.0L248.0 30.0"' in drawn and 'd="M240.0 120.0L368.0 120.0"' in drawn
    assert 'viewBox="0 0 368 120"' in drawn and drawn.count("<image") == 2
    assert "<b>" not in drawn and "&lt;b&gt;" in drawn


def test_many_matches_do_not_hide_the_animals():
    points = MatchedPoints(np.full((500, 2), 0.5), np.full((500, 2), 0.5))
    assert draw_matches(LEFT, RIGHT, points, "").count("<path") == MOST_LINES
    none = MatchedPoints(np.empty((0, 2)), np.empty((0, 2)))
    assert "<path" not in draw_matches(LEFT, RIGHT, none, "")


def test_points_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        MatchedPoints(np.zeros((2, 2)), np.zeros((3, 2)))


def _photographs(run):
    return Photographs(reidbench.load_dataset(run.dataset))


def test_a_run_that_compared_no_keypoints_draws_none(finished):
    run = next(record for record in finished.records if record.method == "color_histogram")
    assert matcher_of(run, _photographs(run)) == (None, "")


def test_a_sift_run_says_that_it_matched_keypoints_and_matches_again(finished):
    record = next(record for record in finished.of("patterns") if record.method == "sift")
    images = reidbench.load_dataset(record.dataset)
    assert record.data.matching.keypoints is True
    matcher, why = matcher_of(record, _photographs(record))
    assert matcher is not None and why == "" and matcher.part == ""
    image_id = images.table["image_id"].iloc[0]
    found = matcher.match(image_id, image_id)
    # An image matches itself point by point.
    assert len(found) > 5 and np.array_equal(found.query, found.gallery)
    assert found.query.min() >= 0 and found.query.max() <= 1


@pytest.mark.parametrize("cached", [True, False])
def test_images_are_described_where_the_cache_lacks_them_and_once(finished, cached, tmp_path, monkeypatch):
    record = next(record for record in finished.of("patterns") if record.method == "sift")
    photographs = _photographs(record)
    used = read_split(record.path / "split.csv", photographs.images).indices("gallery", photographs.images)[:3]
    first, *others = photographs.images.table["image_id"].iloc[used]
    with_cache = [matcher_of(record, photographs)[0].match(first, other) for other in others]
    if not cached:
        monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path))
    read = []
    monkeypatch.setattr(
        Photographs, "pixels", lambda self, i, pixels=Photographs.pixels: read.append(i) or pixels(self, i)
    )
    matcher, _ = matcher_of(record, photographs)
    again = [matcher.match(first, other) for other in others]
    assert sorted(read) == ([] if cached else sorted([first, *others]))
    for one, other in zip(again, with_cache, strict=True):
        assert len(one) > 0 and np.array_equal(one.query, other.query) and np.array_equal(one.gallery, other.gallery)
    assert matcher.match(first, "no such image") is None


def test_a_photograph_damaged_since_the_run_is_passed_over(finished, monkeypatch):
    record = next(record for record in finished.of("patterns") if record.method == "sift")
    photographs = _photographs(record)
    identity = photographs.images.table["identity"]
    name = identity.value_counts().index[0]
    query, *gallery = photographs.images.table["image_id"][identity == name].tolist()
    case = ErrorCase("false_new", query, "", name, "new_individual", name, 1.0, 2.0, 1.0, 1)
    page = ErrorCards({record.data.dataset.digest: photographs}, 1)
    shown = []
    for damaged in ("", *gallery[:1]):
        pixels = Photographs.pixels
        monkeypatch.setattr(
            Photographs, "pixels", lambda self, i, of=pixels, no=damaged: None if i == no else of(self, i)
        )
        matcher, _ = matcher_of(record, photographs)
        thumb = page._thumbnail(photographs, query)
        shown.append(page._closest(case, name, photographs, gallery[:2], matcher, thumb)[0])
    assert shown[0] in gallery[:2] and shown[1] == gallery[1]


def test_the_page_of_a_sift_run_draws_its_matches(tmp_path):
    # Nothing has so many matches: every known animal is answered as new, so there are errors to show.
    records = [
        reidbench.evaluate("sift", SMALL, threshold="fixed=10000", runs_dir=tmp_path, progress=Progress(), device="cpu")
    ]
    page = write_report(leaderboard(records), PageOptions(), find_photographs(records, []))
    drawings = re.findall(r'<svg class="matches"[^>]*aria-label="(\d+) matches between query.*?</svg>', page, re.DOTALL)
    whole = re.findall(r'<svg class="matches".*?</svg>', page, re.DOTALL)
    assert len(whole) == len(drawings) > 0
    lines = [drawing.count("<path") for drawing in whole]
    assert lines == [min(int(told), MOST_LINES) for told in drawings] and max(lines) > 0
    assert all(drawing.count("data:image/jpeg") == 2 for drawing in whole)


@pytest.fixture(scope="module")
def fusion(tmp_path_factory):
    # No probability is so high: every known animal is answered as new.
    return reidbench.evaluate(
        "wildfusion",
        SMALL,
        settings={"parts": "color_histogram,points=sift", "points.keypoints": 64, "shortlist": 4},
        threshold="fixed=2",
        runs_dir=tmp_path_factory.mktemp("fusion"),
        progress=Progress(),
        device="cpu",
    )


def test_the_matches_of_a_fusion_are_those_of_its_local_part_and_say_so(fusion):
    matcher, why = matcher_of(fusion, _photographs(fusion))
    assert matcher is not None and why == "" and matcher.part == "points"
    page = write_report(leaderboard([fusion]), PageOptions(errors=2), find_photographs([fusion], []))
    labels = re.findall(r'<svg class="matches"[^>]*aria-label="([^"]*)"', page)
    captions = re.findall(r"<figcaption>(\d+ matches[^<]*)</figcaption>", page)
    assert len(labels) == len(captions) == 2
    for label, caption in zip(labels, captions, strict=True):
        count = caption.split()[0]
        assert caption.startswith(f"{count} matches of points (a part of the fusion) with ")
        assert label.startswith(f"{count} matches of points (a part of the fusion) between query ")


def test_a_part_in_another_version_draws_none_and_says_which(fusion):
    data = fusion.data.to_json()
    data["parts"]["points"]["plugin"]["method_version"] = "0 of another day"
    matcher, why = matcher_of(changed(fusion, **data), _photographs(fusion))
    assert matcher is None and why == "the installed version of points, a part of wildfusion, is not that of the run"


def test_calibration_hides_no_keypoints():
    sift, colours = (load_registry().find(name).spec for name in ("sift", "color_histogram"))
    method, other = sift.build(sift.settings()), colours.build(colours.settings())
    calibrated = Calibrated(method, Calibration(kind="isotonic"))
    found = keypoint_part(calibrated)
    assert found is not None and found.method is method and found.path == ""
    assert keypoint_part(other) is None and keypoint_part(Fusion(None, {"a": other})) is None
    inside = keypoint_part(Fusion(None, {"a": other, "b": Fusion(None, {"c": other, "d": calibrated})}))
    assert inside is not None and inside.method is method and inside.path == "b/d"
