"""Settings of a command with several methods reach the methods that they are meant for."""

import json

import pytest
from typer.testing import CliRunner

from reidbench import MethodSpec, Settings
from reidbench.cli.main import app
from reidbench.errors import ReidbenchError
from reidbench.experiments.shared_settings import settings_by_method


class _Alpha(Settings):
    size: int = 1
    depth: int = 1


class _Beta(Settings):
    size: int = 1


class _Joined(Settings):
    parts: str = "alpha,beta"
    options: dict = {}


class _Registry:
    def find(self, name):
        classes = {"alpha": _Alpha, "beta": _Beta, "joined": _Joined}
        if name not in classes:
            raise ReidbenchError("there is no such method", where=name, remedy="")
        return type("Offer", (), {"spec": MethodSpec(name, "", classes[name], lambda settings: None)})


def _route(methods, given):
    return settings_by_method(methods, given, _Registry())


def test_a_prefix_reaches_that_method_alone():
    assert _route(["alpha", "beta"], {"alpha.size": "3"}) == ({"alpha": {"size": "3"}, "beta": {}}, [])
    assert _route(["alpha"], {"alpha.size": "3"}) == ({"alpha": {"size": "3"}}, [])


def test_without_prefix_a_setting_reaches_every_method_that_has_it():
    assert _route(["alpha", "beta"], {"size": "3"})[0] == {"alpha": {"size": "3"}, "beta": {"size": "3"}}
    settings, remarks = _route(["alpha", "beta"], {"depth": "3"})
    assert settings == {"alpha": {"depth": "3"}, "beta": {}}
    assert remarks == ["depth reaches alpha; beta: no such setting"]


@pytest.mark.parametrize("order", [("size", "alpha.size"), ("alpha.size", "size")])
def test_a_setting_with_prefix_comes_before_one_without(order):
    given = {key: "5" if "." in key else "3" for key in order}
    assert _route(["alpha", "beta"], given)[0] == {"alpha": {"size": "5"}, "beta": {"size": "3"}}


def test_a_setting_that_no_method_has_is_an_error():
    with pytest.raises(
        ReidbenchError, match="none of the methods alpha, beta has the setting 'dept'; did you mean 'depth'"
    ):
        _route(["alpha", "beta"], {"dept": "3"})


def test_a_prefix_that_is_no_method_is_an_error_that_names_the_methods():
    with pytest.raises(ReidbenchError, match="no method of this command is called 'alfa'") as caught:
        _route(["alpha", "beta"], {"alfa.size": "3"})
    assert caught.value.remedy == "the methods are: alpha, beta"


def test_the_prefix_of_a_part_reaches_the_fusion():
    assert _route(["joined", "beta"], {"alpha.size": "3"}) == ({"joined": {"alpha.size": "3"}, "beta": {}}, [])


def test_a_method_that_is_a_part_as_well_is_set_alone_and_the_part_by_two_prefixes():
    settings, remarks = _route(["joined", "alpha"], {"alpha.size": "3", "joined.alpha.size": "4"})
    assert settings == {"joined": {"alpha.size": "4"}, "alpha": {"size": "3"}}
    assert remarks == [
        "alpha.size reaches the method alpha alone; for a part of joined write --set joined.alpha.size=3"
    ]


def test_a_method_that_cannot_be_found_receives_what_has_no_prefix():
    assert _route(["alpha", "elsewhere"], {"depth": "3"})[0] == {"alpha": {"depth": "3"}, "elsewhere": {"depth": "3"}}


def test_run_gives_each_method_its_settings(tmp_path):
    arguments = ["run", "--method", "color_histogram", "--method", "sift", "--runs", str(tmp_path), "--json"]
    arguments += ["--dataset", "patterns:identities=12,size=64,level=easy"]
    settings = ["--set", "color_histogram.hue_bins=9", "--set", "keypoints=64"]
    done = CliRunner().invoke(app, [*arguments, *settings])
    assert done.exit_code == 0, done.stderr
    histogram, sift = (record["settings"]["effective"] for record in json.loads(done.stdout))
    assert histogram["hue_bins"] == 9 and sift["keypoints"] == 64
    assert "keypoints reaches sift; color_histogram: no such setting" in done.stderr
    failed = CliRunner().invoke(app, [*arguments, "--set", "nothing.keypoints=64"])
    assert failed.exit_code == 1
