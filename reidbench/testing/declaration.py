"""Checks of what a plugin says of its method before anything is built: name, settings, licence, source."""

from __future__ import annotations

import functools
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reidbench.methods.contract import NO_WEIGHTS, Settings, Weights
from reidbench.running.building import OPTIONS
from reidbench.testing.check import NotApplicable, Topic
from reidbench.testing.method_under_test import MethodUnderTest

topic = Topic("declaration")

LONGEST_SUMMARY = 120
HEAVY = ("torch", "torchvision", "timm", "kornia", "transformers", "tensorflow", "jax")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMPORT = """
import importlib, json, runpy, sys
name, path, heavy = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
try:
    spaces = []
    while name:
        spaces.append(vars(importlib.import_module(name)))
        name = name.rpartition(".")[0]
except ImportError:
    spaces = [runpy.run_path(path)]
for space in spaces:
    if "reidbench_methods" in space:
        list(space["reidbench_methods"]())
        break
print(json.dumps(sorted(set(heavy) & set(sys.modules))))
"""


@topic.check(
    reason="the name is typed after --method, stands in tables and becomes a folder",
    remedy="use small letters, digits, _ and - alone, beginning with a letter or digit",
)
def name(tested: MethodUnderTest) -> str | None:
    found = tested.spec.name
    return None if _NAME.fullmatch(found) else f"the name is {found!r}"


@topic.check(
    reason="`reidbench methods` shows one line for each method",
    remedy=f"say in one line of at most {LONGEST_SUMMARY} characters what it is",
)
def summary(tested: MethodUnderTest) -> str | None:
    text = tested.spec.summary
    if not text.strip():
        return "the summary is empty"
    if "\n" in text:
        return f"the summary has {len(text.splitlines())} lines"
    return None if len(text) <= LONGEST_SUMMARY else f"the summary has {len(text)} characters"


@topic.check(
    reason="whoever reads a result has to be able to find what was run",
    remedy="set MethodSpec.source to the paper or repository that it follows, or to your own",
)
def source(tested: MethodUnderTest) -> str | None:
    return None if tested.spec.source.strip() else "no source is declared"


@topic.check(
    reason="`reidbench methods NAME` and the help of --set come from the descriptions",
    remedy="give each setting one: Field(DEFAULT, description=…)",
)
def settings_described(tested: MethodUnderTest) -> str | None:
    fields = _fields(tested)
    mute = [key for key, field in fields.items() if not (field.description or "").strip()]
    return f"no description: {', '.join(mute)}" if mute else None


@topic.check(
    reason="a setting misspelt and swallowed, or changed after the run was named, gives numbers of something else",
    remedy="subclass reidbench.Settings and leave its model_config alone",
)
def settings_strict(tested: MethodUnderTest) -> str | None:
    kind = tested.spec.settings
    if not (isinstance(kind, type) and issubclass(kind, Settings)):
        return f"settings is {kind!r}, not a subclass of reidbench.Settings"
    if not kind.model_config.get("frozen"):
        return "its values can be changed after they were checked"
    if kind.model_config.get("extra") != "forbid":
        return f"unknown keys are not refused: extra={kind.model_config.get('extra')!r}"
    return None


@topic.check(
    reason="pydantic checks no defaults, so a wrong one is found in the middle of the first run",
    remedy="give each setting a default within its own bounds, or none where the user has to choose",
    needs=("settings_strict",),
)
def settings_defaults(tested: MethodUnderTest) -> str | None:
    for key, field in _fields(tested).items():
        if not field.is_required():
            problem = _refusal(
                tested.spec.settings,
                {**tested.settings.model_dump(), key: field.get_default(call_default_factory=True)},
                key,
            )
            if problem:
                return f"the default of '{key}' is refused: {problem}"
    return None


@topic.check(
    reason="--set KEY=VALUE and a TOML file of a comparison give text, and a record gives its settings back as JSON",
    remedy="use types that pydantic reads from text, or a BeforeValidator that splits it",
    needs=("settings_defaults",),
)
def settings_from_text(tested: MethodUnderTest) -> str | None:
    effective = tested.settings
    for key in _fields(tested):
        value = getattr(effective, key)
        if key == OPTIONS or value is None:
            continue
        written = _as_text(value)
        problem = _refusal(tested.spec.settings, {**tested.settings.model_dump(), key: written}, key)
        if (
            problem is None
            and getattr(tested.spec.settings(**{**tested.settings.model_dump(), key: written}), key) != value
        ):
            problem = "it is read as another value"
        if problem:
            return f"--set {key}={written}: {problem}"
    back = type(effective).model_validate_json(effective.model_dump_json())
    return None if back == effective else "settings read back from JSON are not equal to those written"


@topic.check(
    reason="--preset and `reidbench tune` fail on a cell only when its turn comes",
    remedy="name only settings that exist, with values that they allow",
    needs=("settings_strict",),
)
def presets(tested: MethodUnderTest) -> str | None:
    spec = tested.spec
    cells: dict[str, Mapping[str, Any]] = {f"preset {key}": values for key, values in spec.presets.items()}
    cells |= {f"cell {number} of the grid": values for number, values in enumerate(spec.grid)}
    if not cells:
        raise NotApplicable("it has no presets and no grid")
    for title, values in cells.items():
        problem = _refusal(spec.settings, {**tested.settings.model_dump(), **values})
        if problem:
            return f"{title}: {problem}"
    return None


@topic.check(
    reason="the hook is called by every command, and torch alone takes seconds to import",
    remedy=f"import {', '.join(HEAVY[:4])} and the like inside build, in a module of their own",
)
def light_import(tested: MethodUnderTest) -> str | None:
    if tested.offer.distribution.endswith(".py"):
        raise NotApplicable("a plain file is read only where --plugin names it")
    build = inspect.unwrap(tested.spec.build)
    module = str(getattr(build, "__module__", ""))
    if module.startswith("reidbench."):  # made by a decorator: its settings bear the name of the plugin's module
        module = tested.spec.settings.__module__
    path = getattr(sys.modules.get(module), "__file__", None)
    if not path or module == "__main__":
        raise NotApplicable("build does not come from a file that could be imported anew")
    return _imported_by(module, path)


@topic.check(
    reason="matching and metric say how the core compares; a centroid is the mean of the array 'embedding'",
    remedy="take nearest, centroid (with an array 'embedding') or identity (with ClassifierMethod)",
    needs=("represents",),
)
def matching(tested: MethodUnderTest) -> str | None:
    method = tested.fitted.method
    for attribute, allowed in (
        ("matching", ("nearest", "centroid", "identity")),
        ("metric", ("cosine", "euclidean", "probability")),
    ):
        value = getattr(method, attribute)
        if value not in allowed:
            return f"{attribute} is {value!r}, not one of {', '.join(allowed)}"
    held = tested.gallery.representation.dense
    if method.matching == "centroid" and ("embedding" not in held or held["embedding"].ndim != 2):
        return f"matching is 'centroid', and its arrays are {', '.join(held) or 'ragged alone'}"
    return None


@topic.check(
    reason="a number belongs to the weights it was made with; the record names them",
    remedy="return a reidbench.Weights whose sha256 is that of the file, as load_backbone and load_network do",
    needs=("prepares",),
)
def weights(tested: MethodUnderTest) -> str | None:
    for leaf in tested.prepared.leaves:
        found = leaf.weights
        if not isinstance(found, Weights):
            return f"weights is {type(found).__name__}, not Weights"
        if not found.source:
            return "the weights have no source"
        if found.pretrained and not all(_SHA256.fullmatch(each) for each in found.sha256.split() or [""]):
            return f"pretrained weights of '{found.source}' have the sha256 {found.sha256!r}"
    return None


@topic.check(
    reason="a licence may forbid the use that somebody makes of a result",
    remedy="set MethodSpec.licence, or Weights.licence where it depends on the file",
    needs=("weights",),
)
def licence(tested: MethodUnderTest) -> str | None:
    if tested.spec.licence.strip():
        return None
    used = _weights_in_use(tested)
    bare = [each.source for each in used if not each.licence.strip()]
    return f"no licence is declared for the weights '{bare[0]}'" if bare else None


@topic.check(
    reason="`reidbench methods` says what has to be had before a method is chosen",
    remedy="set MethodSpec.needs to what it takes, such as the weights and their size",
    needs=("weights",),
)
def needs(tested: MethodUnderTest) -> str | None:
    _weights_in_use(tested)
    return "it uses weights, and needs says 'nothing'" if tested.spec.needs in ("", "nothing") else None


def _fields(tested: MethodUnderTest) -> dict[str, Any]:
    fields = dict(tested.spec.settings.model_fields)
    if not fields:
        raise NotApplicable("it has no settings")
    return fields


def _weights_in_use(tested: MethodUnderTest) -> list[Weights]:
    used = [leaf.weights for leaf in tested.prepared.leaves if leaf.weights != NO_WEIGHTS]
    if not used:
        raise NotApplicable("it uses no weights")
    return used


def _refusal(kind: type[Settings], values: Mapping[str, Any], key: str | None = None) -> str | None:
    """Return why values are refused; with a key, only what is said of that one."""
    try:
        kind(**values)
    except ValidationError as error:
        said = [each for each in error.errors() if key is None or (each["loc"] and each["loc"][0] == key)]
        return f"{'.'.join(map(str, said[0]['loc']))}: {said[0]['msg']}" if said else None
    return None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(_as_text(each) for each in value)
    return str(value)


@functools.lru_cache(maxsize=64)
def _imported_by(module: str, path: str) -> str | None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _IMPORT, module, path, ",".join(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        return f"importing {module} anew fails: {done.stderr.strip().splitlines()[-1]}"
    imported = done.stdout.strip().splitlines()[-1].strip('[]"').replace('"', "")
    return f"calling the hook imports {imported}" if imported else None
