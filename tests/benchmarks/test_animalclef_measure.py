"""What a command takes is measured in a process of its own."""

import sys

import pytest

from benchmarks.animalclef.measure import run_measured


@pytest.mark.skipif(sys.platform != "linux", reason="a process's own memory is read from /proc")
def test_the_peak_counts_more_than_what_is_the_process_s_own(tmp_path):
    cost, printed = run_measured(["--help"], tmp_path)
    assert "rethreshold" in printed
    assert 10 < cost.own_mib < cost.peak_mib < 2000  # an interpreter holds tens of MiB, and libraries are mapped
    assert cost.cpu_s > 0


def test_a_command_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(RuntimeError, match="no-such-command failed"):
        run_measured(["no-such-command"], tmp_path)
