"""The published rule, row by row; every constant; and what the fusion does with identities that do not win."""

import numpy as np
import pytest

from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.registry.registered import load_registry
from reidbench.running.evaluation import evaluate
from reidbench_convnext.fusion import PAPER, Constants, ConvNeXtFusion, candidates, decide

NEW_BELOW = 0.45
ROWS = [
    # first fusion, second fusion, classifier: identity and confidence each; fused c, final C, answer
    ((95, 0.6264099), (95, 0.7198299737479552), (95, 0.9519628286361694), 0.81334913, 0.89363886, 95),
    ((62, 0.56429857), (62, 0.5589770959649207), (62, 0.9996384382247925), 0.67364611, 0.78502236, 62),
    ((16, 0.28285623), (16, 0.1234654486644917), (75, 0.5003016591072083), 0.23422956, 0.23422956, None),
    ((6, 0.063994005), (6, 0.03476235970709815), (43, 0.5943942070007324), 0.05749992, 0.17831826, None),
    ((16, 0.1660104), (93, 0.1058008588205851), (93, 0.4626151919364929), 0.10590666, 0.18832639, None),
    ((75, 0.11631932), (81, 0.056444831966257956), (13, 0.492056280374527), 0.05650128, 0.14761688, None),
    ((86, 0.48615012), (1, 0.3629073762471854), (5, 0.3820172846317291), 0.36327028, 0.36327028, None),
]
# Whose identity the final confidence stands for where the answer is new.
WINNERS = [95, 62, 16, 43, 93, 13, 1]


def opinion(pairs):
    return np.array([identity for identity, _ in pairs]), np.array([confidence for _, confidence in pairs])


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_the_rule_gives_the_published_rows(row):
    first, second, classifier, fused, final, answer = ROWS[row]
    identity, confidence = decide(*(opinion([each]) for each in (first, second, classifier)), PAPER)
    assert confidence[0] == pytest.approx(final, abs=5e-9) and identity[0] == WINNERS[row]
    assert (identity[0] if confidence[0] >= NEW_BELOW else None) == answer
    # Without the classifier the second step changes nothing.
    silent = decide(opinion([first]), opinion([second]), opinion([(-1, 0.0)]), PAPER)
    assert silent[1][0] == pytest.approx(fused, abs=5e-9)


def test_all_rows_at_once_are_as_one_by_one():
    columns = [opinion([row[part] for row in ROWS]) for part in range(3)]
    identity, confidence = decide(*columns, PAPER)
    assert identity.tolist() == WINNERS
    np.testing.assert_allclose(confidence, [row[4] for row in ROWS], atol=5e-9)


def test_a_winning_identity_of_the_classifier_alone_never_survives():
    certain = decide(opinion([(1, 0.0)]), opinion([(2, 0.0)]), opinion([(3, 1.0)]), PAPER)
    assert certain[0].tolist() == [3] and certain[1][0] == pytest.approx(0.30) and certain[1][0] < NEW_BELOW


def test_fitted_constants_begin_with_the_published_ones_and_each_differs():
    found = candidates()
    assert found[0] == Constants() == PAPER and len(set(found)) == len(found) > 100
    assert all(constants.first + constants.second == pytest.approx(1) for constants in found)


def test_the_preset_of_the_classifier_is_stored_under_its_old_name():
    """It is a part of run ids and cache keys, which stay."""
    spec = load_registry().find("convnext_fusion").spec
    settings = spec.settings()
    assert settings == spec.settings(classifier_preset="report") == spec.settings(classifier_preset="paper")
    assert (settings.classifier_preset, settings.model_dump(mode="json")["classifier_preset"]) == ("paper", "report")
    assert '"classifier_preset":"report"' in settings.model_dump_json()
    assert spec.parts(settings)["classifier"].preset == "paper"


def fusion():
    method = object.__new__(ConvNeXtFusion)
    method.choice = PAPER
    return method


def test_the_winner_leads_and_the_others_follow_the_second_fusion_below_it():
    first = np.array([[0.2, 0.9, 0.1, 0.3]])
    second = np.array([[0.5, 0.8, 0.7, -np.inf]])
    classifier = np.array([[0.1, 0.6, 0.2, 0.1]])
    scores = fusion().combine([first, second, classifier], PAPER)[0]
    assert scores[1] == pytest.approx(1.7 * (1.2 * (0.45 * 0.9 + 0.55 * 0.8) + 0.25 * 0.6) / 2)
    assert scores.argsort()[::-1].tolist() == [1, 2, 0, 3] and scores[3] == -np.inf


def test_where_nothing_is_sure_the_winner_still_leads():
    nothing = np.zeros((1, 3))
    scores = fusion().combine([nothing, nothing, np.array([[0.0, 0.0, 0.0]])], PAPER)[0]
    assert scores[0] == 0 and (scores[1:] < 0).all()


@pytest.fixture(scope="module")
def options():
    """Parts that need no weights: colour and SIFT for MegaDescriptor and ALIKED, an untrained classifier."""
    return {
        "wildfusion.parts": "color_histogram,sift",
        "wildfusion.sift.keypoints": 64,
        "first_images": 30,
        "first_shortlist": 5,
        "classifier.backbone": "test_convnext",
        "classifier.weights": "random",
        "classifier.size": 64,
        "classifier.epochs": 2,
        "classifier.validate_every": 1,
    }


@pytest.mark.parametrize("constants", ["paper", "fitted"])
def test_the_fusion_runs_whole_and_its_record_shows_every_part(options, constants, tmp_path):
    record = evaluate(
        "convnext_fusion",
        "patterns:identities=24,size=64,level=easy",
        preset="quick",
        settings={**options, "constants": constants},
        runs_dir=tmp_path,
        progress=Progress(),
        device="cpu",
    )
    data = record.data
    assert set(data.parts) == {
        "first", "first/color_histogram", "first/sift", "second", "second/color_histogram", "second/sift", "classifier",
    }  # fmt: skip
    calibrated = {row.part: row for row in data.calibration}
    assert set(calibrated) == {"first/color_histogram", "first/sift", "second/color_histogram", "second/sift"}
    assert calibrated["first/sift"].source == "gallery" and calibrated["first/sift"].n_pairs == 30 * 29 // 2
    assert calibrated["second/sift"].source == "episode"
    assert data.weights.label == "random" and not data.weights.pretrained
    assert record.metrics["map"] is None and 0 <= record.metrics["score"] <= 1
    chosen = data.constants
    if constants == "paper":
        assert chosen == {}
    else:
        assert chosen["."].candidates == len(candidates())
        assert chosen["."].calibration_score >= chosen["."].first_calibration_score


def test_an_unknown_part_is_named(options, tmp_path):
    spec = load_registry().find("convnext_fusion").spec
    with pytest.raises(ReidbenchError, match="'sift' is not a part of this fusion: wildfusion, first"):
        spec.parts(spec.settings(options={"sift": {"ratio": 0.7}}))
