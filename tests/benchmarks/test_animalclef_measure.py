"""Time and memory of a command are measured in a separate process."""

import sys

import pytest

from benchmarks.animalclef.measure import run_measured


@pytest.mark.skipif(sys.platform != "linux", reason="private memory is read from /proc")
def test_the_peak_is_larger_than_the_private_memory(tmp_path):
    cost, printed = run_measured(["--help"], tmp_path)
    assert "rethreshold" in printed
    assert 10 < cost.private_mib < cost.peak_mib < 2000  # Python needs tens of MiB, and libraries are mapped
    assert cost.cpu_s > 0


def test_a_command_that_fails_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="no-such-command failed"):
        run_measured(["no-such-command"], tmp_path)
