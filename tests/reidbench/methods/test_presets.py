"""The preset ``paper`` and its old name ``report``: both are taken, the old one is stored, the new one is shown."""

import json

import pytest

import reidbench
from reidbench.errors import ReidbenchError
from reidbench.experiments.benchmark_file import read_benchmark
from reidbench.methods.presets import current_preset, show_setting, stored_preset
from reidbench.progress import Progress
from reidbench.records.job import Job
from reidbench.registry.registered import Offer, Registry, load_registry
from reidbench.running.building import effective_settings
from reidbench.running.evaluation import evaluate, preset_name


class Options(reidbench.Settings):
    size: int = 4


def spec(**presets):
    return reidbench.MethodSpec("m", "", Options, lambda settings: None, presets=presets)


@pytest.mark.parametrize("declared", ["paper", "report"])
@pytest.mark.parametrize("asked", ["paper", "report", None])
def test_a_plugin_may_declare_either_name_and_a_user_may_give_either(declared, asked):
    method = spec(**{declared: {"size": 9}, "quick": {}})
    assert list(method.presets) == ["paper", "quick"]
    assert preset_name(method, asked) == "paper"
    assert effective_settings(method, preset_name(method, asked), {}).size == 9
    assert effective_settings(method, declared, {}).size == 9  # as the part of a fusion names it


def test_both_names_in_one_method_are_refused():
    with pytest.raises(ValueError, match="'report' is the old name of 'paper'"):
        spec(paper={}, report={})


def test_an_unknown_preset_is_an_error_that_lists_the_presets():
    with pytest.raises(ReidbenchError, match="m has no preset 'fast'") as caught:
        spec(report={}, quick={}).find_preset("fast")
    assert caught.value.remedy == "choose one of: paper, quick"


def test_names_are_converted_and_others_stay():
    assert [current_preset(name) for name in ("report", "paper", "quick")] == ["paper", "paper", "quick"]
    assert [stored_preset(name) for name in ("report", "paper", "quick")] == ["report", "report", "quick"]
    assert show_setting("classifier_preset", "report") == "paper" and show_setting("title", "report") == "report"


def test_a_job_keeps_the_stored_name():
    assert Job("m", "patterns", preset="paper") == Job("m", "patterns", preset="report")
    assert Job("m", "patterns", preset="paper").preset == "report" and Job("m", "patterns").preset is None


def test_a_record_stores_the_old_name_under_the_same_id(tmp_path):
    registry = load_registry()
    (offer,) = [offer for offer in registry.offers if offer.spec.name == "color_histogram"]
    named = reidbench.MethodSpec(
        "color_histogram", "", offer.spec.settings, offer.spec.build, presets={"paper": {"hue_bins": 8}}
    )
    registry = Registry((Offer(named, "reidbench", "1"),), ())
    runs = [
        evaluate("color_histogram", "patterns:identities=24,size=64,level=easy", preset=preset, registry=registry,
                 runs_dir=tmp_path, device="cpu", progress=Progress())
        for preset in ("paper", "report")
    ]  # fmt: skip
    assert runs[0].path == runs[1].path
    assert json.loads((runs[0].path / "run.json").read_text())["preset"] == "report"


def test_a_benchmark_file_may_use_either_name_and_the_old_one_is_named(tmp_path):
    class Listening(Progress):
        def __init__(self):
            self.warnings = []

        def warn(self, text):
            self.warnings.append(text)

    path, jobs, heard = tmp_path / "b.toml", {}, {}
    for name in ("paper", "report"):
        path.write_text(f'[dataset]\nname = "patterns"\n\n[[method]]\nname = "m"\npreset = "{name}"\n')
        listening = Listening()
        jobs[name], heard[name] = read_benchmark(path, listening), listening.warnings
    assert jobs["paper"] == jobs["report"] and heard["paper"] == []
    assert [text.startswith(f"the preset 'report' in {path} is now called 'paper'") for text in heard["report"]] == [
        True
    ]
