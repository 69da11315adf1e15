import numpy as np

from reidbench.metrics.uncertainty.ranks import rank_intervals, tie_groups


def symmetric(n, pairs):
    differs = np.zeros((n, n), dtype=bool)
    for i, j in pairs:
        differs[i, j] = differs[j, i] = True
    return differs


def test_nothing_shown_leaves_every_rank_open():
    assert rank_intervals([3.0, 2.0, 1.0], symmetric(3, [])) == [(1, 3)] * 3
    assert tie_groups([3.0, 2.0, 1.0], symmetric(3, [])) == [1, 1, 1]


def test_everything_shown_fixes_every_rank():
    differs = symmetric(3, [(0, 1), (0, 2), (1, 2)])
    assert rank_intervals([1.0, 3.0, 2.0], differs) == [(3, 3), (1, 1), (2, 2)]
    assert tie_groups([1.0, 3.0, 2.0], differs) == [3, 1, 2]


def test_a_chain_of_neighbours_is_parted_from_the_top():
    # 1 ~ 2, 2 ~ 3, but 1 and 3 differ: the second stands with the first, the third begins a group.
    differs = symmetric(3, [(0, 2)])
    assert rank_intervals([3.0, 2.0, 1.0], differs) == [(1, 2), (1, 3), (2, 3)]
    assert tie_groups([3.0, 2.0, 1.0], differs) == [1, 1, 2]
