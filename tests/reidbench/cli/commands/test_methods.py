"""``reidbench methods``: what is offered, what is missing here and how to get it, types as a user reads them."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from reidbench import MethodSpec, ReidbenchError, Settings
from reidbench.cli.commands.methods import methods
from reidbench.registry.registered import BrokenPlugin, Offer, Registry

app = typer.Typer()
app.command()(methods)


class Options(Settings):
    size: Literal["auto"] | Annotated[int, Field(ge=16)] = Field("auto", description="side")
    share: float = Field(0.5, gt=0, le=1, description="share")
    mean: Literal["auto"] | tuple[float, float, float] = Field("auto", description="mean")
    pad: Literal["", "same"] = Field("", description="[padding]")
    on: bool = Field(True, description="on")


def spec(name, **options):
    return MethodSpec(name, f"what {name} is", Options, lambda settings: None, **options)


PEER = spec("peer", requires=("json", "no_such_module"), install="pip install 'reidbench[peer]'", licence="MIT")


@pytest.fixture
def run(monkeypatch):
    registry = Registry(
        (Offer(spec("plain"), "ours", "1.0"), Offer(PEER, "ours", "1.0")), (BrokenPlugin("bad", "theirs", "no [x]"),)
    )
    monkeypatch.setattr("reidbench.registry.registered.load_registry", lambda files=(): registry)
    return lambda *arguments, columns=200: CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns)}).stdout


def test_a_method_that_lacks_an_extra_is_listed_with_reason_and_install_line(run):
    line = run()
    assert "can't be used: no_such_module is not installed; pip install 'reidbench[peer]'" in line
    assert "what plain is" in line and "no [x]" in line and "MIT" in line
    rows = {row["name"]: row for row in json.loads(run("--json"))["methods"]}
    assert rows["peer"]["absent"] == ["no_such_module"] and rows["plain"]["absent"] == []
    assert rows["peer"]["install"] == "pip install 'reidbench[peer]'"


def test_a_narrow_terminal_leaves_needs_and_licence_out_and_says_so(run):
    shown = run(columns=50)
    assert "what plain is" in shown and "licence" not in shown.splitlines()[1]
    assert "Not shown at a width of 50: needs, weights here, licence." in shown.replace("\n", "")
    assert "needs" in run(columns=160).splitlines()[1] and "Not shown" not in run(columns=160)


def test_its_settings_are_shown_all_the_same(run):
    shown = run("peer")
    assert "no_such_module is not installed" in shown and "side" in shown


def test_types_read_as_a_user_writes_them(run):
    shown = run("plain")
    for text in ("auto | int >= 16", "float > 0, <= 1", "auto | float,float,float", "(empty) | same", "[padding]"):
        assert text in shown


def test_asking_for_it_is_one_clear_error():
    with pytest.raises(ReidbenchError, match="peer can't run here: no_such_module is not installed") as caught:
        PEER.check_installed()
    assert caught.value.remedy == "pip install 'reidbench[peer]'"
    spec("plain", requires=("json",)).check_installed()


def test_a_submodule_can_not_be_required():
    with pytest.raises(ValueError, match="top-level"):
        spec("peer", requires=("json.decoder",))


def test_where_the_weights_of_each_preset_come_from_is_said(monkeypatch, hub_cache, no_packages):
    folder = hub_cache("timm/resnet50.a1_in1k", {"model.safetensors": b"12"})
    networks = {"networks": lambda settings: ["resnet50" if settings.on else "efficientnet_b1"]}
    trained = spec("trained", presets={"paper": {}, "quick": {"on": False}}, **networks)
    registry = Registry((Offer(trained, "ours", "1.0"),), ())
    monkeypatch.setattr("reidbench.registry.registered.load_registry", lambda files=(): registry)
    wide = {"COLUMNS": "250"}
    assert "paper: on this machine; quick: missing" in CliRunner().invoke(app, [], env=wide).stdout
    shown = CliRunner().invoke(app, ["trained"], env=wide).stdout.replace("\n", "")
    assert f"weights (paper): resnet50: the local cache: {folder}" in shown and "apache-2.0" in shown
    rows = json.loads(CliRunner().invoke(app, ["--json"]).stdout)["methods"][0]["weights"]
    assert [(row["preset"], row["network"], row["place"]) for row in rows] == [
        ("paper", "resnet50", "cache"), ("quick", "efficientnet_b1", "absent"),
    ]  # fmt: skip
