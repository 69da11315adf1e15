import json

import numpy as np
import pytest

from reidbench.metrics.answers import Answers
from reidbench.metrics.gallery_size import gallery_sizes, restrict_gallery

IDENTITIES = np.array([f"i{code:02d}" for code in range(12)])


def episode(similarity, true, known, best):
    """Answers of one group from a table of similarities to each identity, best ``best`` of them."""
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :best]
    return Answers(
        true=np.array(true),
        known=np.array(known),
        group=np.full(len(true), "g"),
        candidates=IDENTITIES[order].astype(object),
        scores=np.take_along_axis(similarity, order, axis=1),
        average_precision=np.full(len(true), 0.5),
        gallery_identities={"g": similarity.shape[1]},
    )


def drawn(best, n_query=60, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, n_query)  # 12 and above are of animals that are not enrolled
    similarity = rng.normal(size=(n_query, 12))
    inside = np.flatnonzero(codes < 12)
    similarity[inside, codes[inside]] += 1.5
    return similarity, episode(similarity, [f"i{code:02d}" for code in codes], codes < 12, best)


def test_a_smaller_gallery_equals_matching_with_it():
    similarity, answers = drawn(best=12)
    enrolled = IDENTITIES[[1, 4, 5, 9]]
    reduced, undetermined = restrict_gallery(answers, enrolled)
    assert undetermined == 0
    staying = [place for place in range(60) if not answers.known[place] or answers.true[place] in enrolled]
    assert reduced.true.tolist() == answers.true[staying].tolist()
    columns = np.array([1, 4, 5, 9])
    for row, place in enumerate(staying):
        best = columns[np.argsort(-similarity[place, columns])]
        assert reduced.candidates[row, :4].tolist() == IDENTITIES[best].tolist()
        assert reduced.scores[row, :4].tolist() == similarity[place, best].tolist()
        assert (reduced.scores[row, 4:] == -np.inf).all()


def test_a_query_that_lost_all_candidates_is_counted_not_guessed():
    _, answers = drawn(best=2)
    _, undetermined = restrict_gallery(answers, IDENTITIES[:3])
    outside = ~np.isin(answers.candidates.astype(str), IDENTITIES[:3]).any(axis=1)
    staying = ~answers.known | np.isin(answers.true, IDENTITIES[:3])
    assert undetermined == (outside & staying).sum() > 0
    sizes = gallery_sizes(answers, np.zeros(60), IDENTITIES, np.full(12, "g"), shares=(0.25, 1.0), draws=5)
    assert "lost all 2 saved candidates" in sizes[0].reason and np.isnan(sizes[0].mean["score"])
    assert sizes[1].reason == "" and np.isfinite(sizes[1].mean["score"])
    assert json.loads(json.dumps(sizes[0].to_json()))["mean"]["score"] is None


def test_the_whole_gallery_gives_the_run_s_own_numbers():
    _, answers = drawn(best=12)
    limit = np.full(60, 1.2)
    (whole,) = gallery_sizes(answers, limit, IDENTITIES, np.full(12, "g"), shares=(1.0,))
    accepted, known = answers.best_score >= 1.2, answers.known
    rates = {}
    for side, right in ((True, accepted & answers.correct), (False, ~accepted)):
        names = sorted(set(answers.true[known == side]))
        rates[side] = np.mean([right[(answers.true == name) & (known == side)].mean() for name in names])
    assert whole.mean["score"] == pytest.approx(np.sqrt(rates[True] * rates[False]))
    assert whole.n_identities == 12 and np.isnan(whole.sd["score"])


def test_fewer_animals_are_easier_and_draws_repeat():
    _, answers = drawn(best=12, n_query=400)
    arguments = (answers, np.full(400, 1.0), IDENTITIES, np.full(12, "g"))
    sizes = gallery_sizes(*arguments, shares=(0.25, 0.5, 1.0), draws=30)
    ranks = [size.mean["balanced_rank1"] for size in sizes]
    assert ranks[0] > ranks[1] > ranks[2] and [size.n_identities for size in sizes] == [3, 6, 12]
    again = gallery_sizes(*arguments, shares=(0.25, 0.5, 1.0), draws=30)
    assert [size.to_json() for size in again] == [size.to_json() for size in sizes]


def test_each_group_keeps_its_share():
    _, answers = drawn(best=12)
    group = np.where(np.arange(12) < 10, "g", "other")
    (size,) = gallery_sizes(answers, np.zeros(60), IDENTITIES, group, shares=(0.2,), draws=1)
    assert size.n_identities == 2 + 1  # a fifth of ten, and at least one of two


def test_bad_input_is_refused():
    _, answers = drawn(best=12)
    with pytest.raises(ValueError, match="shares"):
        gallery_sizes(answers, np.zeros(60), IDENTITIES, np.full(12, "g"), shares=(0.0,))
    with pytest.raises(ValueError, match="limits"):
        gallery_sizes(answers, np.zeros(3), IDENTITIES, np.full(12, "g"))
