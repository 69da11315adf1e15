"""Processes that use one cache and one folder of runs at the same time write the same files as one after another."""

import re

import pytest

from tests.faults.session import COLOUR, TRAINED, identify

OTHER_SPLIT = [*COLOUR, "--split-seed", "1"]


@pytest.fixture(scope="module")
def one_after_another(make_workplace, tmp_path_factory):
    """The results of all commands in one process, and the folder of the trained run."""
    place = make_workplace(tmp_path_factory.mktemp("alone") / "work")
    assert place.run(COLOUR, TRAINED, OTHER_SPLIT)["status"] == 0
    run = place.run_of("tiny")
    assert place.run(identify(run), identify(run, output="again.csv"))["status"] == 0
    return place.results(), run


def check_together(place, *sessions):
    replies = place.server.together(*(place.request(*session) for session in sessions))
    for reply in replies:
        assert reply["status"] == 0, reply["output"]
        assert "Traceback" not in reply["output"]
        assert not re.search(r"[1-9]\d* are damaged|is damaged", reply["output"]), reply["output"]
    return replies


def mixed(place, run):
    check_together(
        place,
        [COLOUR, TRAINED, identify(run)],
        [TRAINED, OTHER_SPLIT, COLOUR],
        [OTHER_SPLIT, COLOUR, TRAINED, identify(run, output="again.csv"), ["cache", "verify"]],
    )
    return place.results()


def test_a_mix_of_commands_gives_the_same_files(workplace, one_after_another):
    results, run = one_after_another
    after = mixed(workplace, run)
    assert after.keys() == results.keys()
    assert [name for name in results if after[name] != results[name]] == []


def test_of_two_equal_trainings_one_waits_for_the_other(workplace):
    replies = check_together(workplace, [TRAINED], [TRAINED])
    waited = [reply["output"].count("another process trains the same model; this one waits") for reply in replies]
    assert sorted(waited) == [0, 1]
    (fitted,) = workplace.folder.glob("cache/fitted/*/*")
    assert (fitted / "checkpoint.pt").is_file() and not list(workplace.folder.glob("cache/work/*"))


@pytest.mark.slow
def test_many_mixes_of_commands_give_the_same_files(make_workplace, one_after_another, tmp_path):
    results, run = one_after_another
    for number in range(20):
        assert mixed(make_workplace(tmp_path / str(number)), run) == results
