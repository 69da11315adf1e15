"""Graphs and their cuts, worked by hand."""

import numpy as np
import pytest

from reidbench.clustering.cut import choose_cut
from reidbench.clustering.graph import Graph, Rule, anchors, check_size, cut, symmetric
from reidbench.errors import ReidbenchError

AVERAGE, COMPONENTS = Rule("average", False), Rule("components", False)


def graph_of(edges, n, group="g", start=0, anchored=None):
    direct = np.zeros((n, n), dtype=np.float32)
    for i, j, value in edges:
        direct[i, j] = direct[j, i] = value
    if anchored is None:
        anchored = np.zeros((n, n), dtype=np.float32)
    return Graph(group, np.arange(start, start + n), direct, anchored)


CHAIN = graph_of([(0, 1, 0.9), (1, 2, 0.8), (2, 3, 0.9)], 4)


def test_components_follow_a_chain_and_average_does_not():
    tree = CHAIN.tree(COMPONENTS)
    assert cut(tree, 0.25, 4).tolist() == [0, 0, 0, 0]
    assert cut(tree, 0.15, 4).tolist() == [0, 0, 1, 1]
    # The mean of the four edges between {0, 1} and {2, 3} is 0.8 / 4 = 0.2, so they join at a distance of 0.8.
    tree = CHAIN.tree(AVERAGE)
    assert cut(tree, 0.79, 4).tolist() == [0, 0, 1, 1]
    assert cut(tree, 0.81, 4).tolist() == [0, 0, 0, 0]


def test_clusters_are_numbered_by_their_first_image():
    graph = graph_of([(1, 3, 0.9), (0, 2, 0.5)], 4)
    assert cut(graph.tree(AVERAGE), 0.2, 4).tolist() == [0, 1, 2, 1]


def test_an_enrolled_animal_that_both_resemble_connects_two_images():
    candidates = np.array([["a", "b"], ["a", ""], ["b", "a"]])
    scores = np.array([[0.9, 0.4], [0.8, -np.inf], [0.7, 0.1]])
    edges = anchors(candidates, scores)
    # 0 and 2: by a .9 x .1 = .09, by b .4 x .7 = .28; the higher one counts.
    assert edges == pytest.approx(np.array([[0, 0.72, 0.28], [0.72, 0, 0.08], [0.28, 0.08, 0]]), abs=1e-6)
    graph = graph_of([], 3, anchored=edges)
    assert cut(graph.tree(Rule("average", True)), 0.3, 3).tolist() == [0, 0, 1]
    assert cut(graph.tree(AVERAGE), 0.3, 3).tolist() == [0, 1, 2]


def test_an_edge_is_the_higher_direction_of_a_pair_and_0_if_it_was_not_compared():
    scores = np.array([[1.0, 0.3, -np.inf], [0.6, 1.0, -np.inf], [-np.inf, 0.2, 1.0]])
    assert symmetric(scores)[0, 1] == pytest.approx(0.6) and symmetric(scores)[2, 1] == pytest.approx(0.2)
    assert symmetric(scores)[0, 2] == 0


def test_the_cut_that_separates_the_animals_is_chosen():
    identity = np.array(["a", "a", "b", "b"])
    chosen = choose_cut([CHAIN], identity)
    assert chosen.ari == 1.0 and chosen.clusters(CHAIN).tolist() == [0, 0, 1, 1]
    whole = choose_cut([CHAIN], np.array(["a"] * 4))
    assert whole.clusters(CHAIN).tolist() == [0, 0, 0, 0]


def test_the_cut_of_a_group_with_few_animals_is_shrunk_to_the_common_cut():
    # In g images of one animal have edges of 0.9, in h of 0.3. Two animals with several images have the weight 2 / 22.
    high = graph_of([(0, 1, 0.9), (2, 3, 0.9), (1, 2, 0.6)], 4, "g")
    low = graph_of([(0, 1, 0.3), (2, 3, 0.3)], 4, "h", start=4)
    identity = np.array(["a", "a", "b", "b"] + ["c", "c", "d", "d"])
    chosen = choose_cut([high, low], identity)
    assert set(chosen.heights) == {"g", "h"}
    assert abs(chosen.heights["h"] - chosen.height) < abs(0.75 - 0.25)
    other = graph_of([(0, 1, 0.99)], 2, "lizards")
    assert chosen.clusters(other).tolist() == [0, 0]  # a group without calibration images uses the common cut


def test_a_group_of_one_image_is_one_cluster_and_cannot_choose_a_cut():
    single = Graph("g", np.array([0]), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))
    assert choose_cut([CHAIN], np.array(list("aabb"))).clusters(single).tolist() == [0]
    with pytest.raises(ValueError, match="two calibration images"):
        choose_cut([single], np.array(["a"]))


def test_a_graph_has_one_row_and_column_of_edges_for_each_image():
    with pytest.raises(ValueError, match="shapes"):
        Graph("g", np.arange(2), np.zeros((1, 1), np.float32), np.zeros((2, 2), np.float32))


def test_a_group_with_too_many_pairs_for_the_memory_is_an_error():
    check_size("g", 5000)
    with pytest.raises(ReidbenchError, match="20000 images to cluster"):
        check_size("g", 20_000)
