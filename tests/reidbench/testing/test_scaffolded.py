"""The packages that ``plugin new`` writes pass the checks without changes."""

from __future__ import annotations

import importlib
import sys

import pytest

from reidbench.scaffold import KINDS, PluginPlan, write_plugin
from reidbench.testing import check_method


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_of_every_kind_passes(kind, tmp_path, monkeypatch):
    write_plugin(PluginPlan(f"fresh_{kind}", kind), tmp_path / "plugin")
    monkeypatch.syspath_prepend(tmp_path / "plugin")
    module = importlib.import_module(f"reidbench_fresh_{kind}")
    try:
        examination = check_method(module.reidbench_methods()[0])
    finally:
        for name in [name for name in sys.modules if name.startswith(f"reidbench_fresh_{kind}")]:
            del sys.modules[name]
    assert examination.count("passed") > 45
