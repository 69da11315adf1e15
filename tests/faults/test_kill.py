"""A process that is killed at any change of the disk leaves nothing that changes a result of the same command."""

import shutil
import signal

import pytest

from tests.faults.session import COLOUR, TRAINED, identify


@pytest.fixture(scope="module")
def whole(make_workplace, tmp_path_factory):
    """A session that extracts, merges, trains, writes and identifies: commands, results, number of changes."""
    folder = tmp_path_factory.mktemp("whole")
    first = make_workplace(folder / "first")
    reply = first.run(COLOUR, TRAINED)
    assert reply["status"] == 0, reply["output"]
    commands = [COLOUR, TRAINED, identify(first.run_of("tiny"))]
    second = make_workplace(folder / "second")
    reply = second.run(*commands)
    assert reply["status"] == 0, reply["output"]
    results = second.results()
    assert sum(name.endswith("run.json") for name in results) == 2 and "found.csv" in results
    return commands, results, reply["changes"]


def check_kill(place, whole, number):
    commands, results, _ = whole
    killed = place.run(*commands, kill=number)
    assert killed["status"] == signal.SIGKILL, (number, killed["output"])
    again = place.run(*commands)
    assert again["status"] == 0, (number, again["output"])
    assert "Traceback" not in again["output"] and "damaged" not in again["output"], (number, again["output"])
    after = place.results()
    assert after.keys() == results.keys(), number
    assert [name for name in results if after[name] != results[name]] == [], number


@pytest.mark.parametrize("tenth", range(10))
def test_a_session_that_is_killed_and_repeated_gives_the_same_results(workplace, whole, tenth):
    check_kill(workplace, whole, 1 + whole[2] * (2 * tenth + 1) // 20)


@pytest.mark.slow
def test_a_session_that_is_killed_at_any_change_of_the_disk_gives_the_same_results(make_workplace, whole, tmp_path):
    for number in range(1, whole[2] + 1):
        place = make_workplace(tmp_path / "work")
        check_kill(place, whole, number)
        shutil.rmtree(place.folder)
