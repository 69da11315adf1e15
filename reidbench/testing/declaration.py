"""Checks of the declaration of a method: name, settings, weights, licence and source."""

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
"""Most characters of a summary."""
HEAVY = ("torch", "torchvision", "timm", "kornia", "transformers", "tensorflow", "jax")
"""Packages that a hook must not import."""
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
    reason="the name is typed after --method, appears in tables and is the name of a folder",
    remedy="use only lower-case letters, digits, _ and -; start with a letter or digit",
)
def name(tested: MethodUnderTest) -> str | None:
    """Compare the name with the allowed characters."""
    method_name = tested.spec.name
    return None if _NAME.fullmatch(method_name) else f"the name is {method_name!r}"


@topic.check(
    reason="`reidbench methods` shows one line for each method",
    remedy=f"describe the method in one line of at most {LONGEST_SUMMARY} characters",
)
def summary(tested: MethodUnderTest) -> str | None:
    """Require a summary of one line that is not too long."""
    text = tested.spec.summary
    if not text.strip():
        return "the summary is empty"
    if "\n" in text:
        return f"the summary has {len(text.splitlines())} lines"
    return None if len(text) <= LONGEST_SUMMARY else f"the summary has {len(text)} characters"


@topic.check(
    reason="the reader of a result must be able to find the method",
    remedy="set MethodSpec.source to the paper or repository of the method, or to your own repository",
)
def source(tested: MethodUnderTest) -> str | None:
    """Require a source."""
    return None if tested.spec.source.strip() else "no source is declared"


@topic.check(
    reason="`reidbench methods NAME` and the help of --set print the descriptions",
    remedy="describe each setting: Field(DEFAULT, description=…)",
)
def settings_described(tested: MethodUnderTest) -> str | None:
    """Require a description of each setting."""
    fields = _fields(tested)
    undescribed = [key for key, field in fields.items() if not (field.description or "").strip()]
    return f"no description: {', '.join(undescribed)}" if undescribed else None


@topic.check(
    reason="if a misspelt setting is ignored, or a setting changes during a run, the record has the wrong settings",
    remedy="subclass reidbench.Settings and do not change its model_config",
)
def settings_strict(tested: MethodUnderTest) -> str | None:
    """Require settings that are frozen and refuse unknown keys."""
    kind = tested.spec.settings
    if not (isinstance(kind, type) and issubclass(kind, Settings)):
        return f"settings is {kind!r}, not a subclass of reidbench.Settings"
    if not kind.model_config.get("frozen"):
        return "its values can be changed after validation"
    if kind.model_config.get("extra") != "forbid":
        return f"unknown keys are accepted: extra={kind.model_config.get('extra')!r}"
    return None


@topic.check(
    reason="pydantic does not check defaults, so an invalid one fails in the middle of the first run",
    remedy="give each setting a default within its bounds, or no default if the user must choose",
    needs=("settings_strict",),
)
def settings_defaults(tested: MethodUnderTest) -> str | None:
    """Validate the default of each setting."""
    for key, field in _fields(tested).items():
        if not field.is_required():
            problem = _validation_error(
                tested.spec.settings,
                {**tested.settings.model_dump(), key: field.get_default(call_default_factory=True)},
                key,
            )
            if problem:
                return f"the default of '{key}' is invalid: {problem}"
    return None


@topic.check(
    reason="--set KEY=VALUE and benchmark files give settings as text, and a record stores them as JSON",
    remedy="use types that pydantic reads from text, or split the text in a BeforeValidator",
    needs=("settings_defaults",),
)
def settings_from_text(tested: MethodUnderTest) -> str | None:
    """Read each setting from text, and all settings from JSON."""
    effective = tested.settings
    for key in _fields(tested):
        value = getattr(effective, key)
        if key == OPTIONS or value is None:
            continue
        text = _as_text(value)
        values = {**tested.settings.model_dump(), key: text}
        problem = _validation_error(tested.spec.settings, values, key)
        if problem is None and getattr(tested.spec.settings(**values), key) != value:
            problem = "it is read as another value"
        if problem:
            return f"--set {key}={text}: {problem}"
    from_json = type(effective).model_validate_json(effective.model_dump_json())
    return None if from_json == effective else "settings read from JSON differ from those that were written"


@topic.check(
    reason="an invalid preset, or an invalid cell of the grid of `reidbench tune`, fails only when it is used",
    remedy="use only settings that exist, and values that they allow",
    needs=("settings_strict",),
)
def presets(tested: MethodUnderTest) -> str | None:
    """Validate the settings of each preset and of each cell of the grid."""
    spec = tested.spec
    cells: dict[str, Mapping[str, Any]] = {f"preset {key}": values for key, values in spec.presets.items()}
    cells |= {f"preset {key} of drawn animals": values for key, values in spec.drawn_presets.items()}
    cells |= {f"cell {number} of the grid": values for number, values in enumerate(spec.grid)}
    if not cells:
        raise NotApplicable("it has no presets and no grid")
    for title, values in cells.items():
        problem = _validation_error(spec.settings, {**tested.settings.model_dump(), **values})
        if problem:
            return f"{title}: {problem}"
    return None


@topic.check(
    reason="every command calls the hook of a plugin, and importing torch takes seconds",
    remedy=f"import {', '.join(HEAVY[:4])} and similar packages inside build, in a separate module",
)
def light_import(tested: MethodUnderTest) -> str | None:
    """Call the hook in a new process and look for imports of heavy packages."""
    if tested.offer.distribution.endswith(".py"):
        raise NotApplicable("a plain file is read only if --plugin names it")
    build = inspect.unwrap(tested.spec.build)
    module = str(getattr(build, "__module__", ""))
    if module.startswith("reidbench."):  # made by a decorator of reidbench; the settings are in the plugin's module
        module = tested.spec.settings.__module__
    path = getattr(sys.modules.get(module), "__file__", None)
    if not path or module == "__main__":
        raise NotApplicable("build is not in a file that can be imported again")
    return _imported_by(module, path)


@topic.check(
    reason="matching and metric tell the core how to compare; a centroid is the mean of the array 'embedding'",
    remedy="set matching to nearest, centroid (with an array 'embedding') or identity (with ClassifierMethod)",
    needs=("represents",),
)
def matching(tested: MethodUnderTest) -> str | None:
    """Compare matching and metric with the allowed values, and look for the array that a centroid needs."""
    method = tested.fitted.method
    for attribute, allowed in (
        ("matching", ("nearest", "centroid", "identity")),
        ("metric", ("cosine", "euclidean", "probability")),
    ):
        value = getattr(method, attribute)
        if value not in allowed:
            return f"{attribute} is {value!r}, not one of {', '.join(allowed)}"
    arrays = tested.gallery.representation.dense
    if method.matching == "centroid" and ("embedding" not in arrays or arrays["embedding"].ndim != 2):
        return f"matching is 'centroid', but the dense arrays are: {', '.join(arrays) or 'none'}"
    return None


@topic.check(
    reason="a result depends on the weights, and the record names them",
    remedy="return a reidbench.Weights with the sha256 of the file, as load_backbone and load_network do",
    needs=("prepares",),
)
def weights(tested: MethodUnderTest) -> str | None:
    """Require a source, and for pretrained weights the digest of the file."""
    for part in tested.prepared.parts:
        declared = part.weights
        if not isinstance(declared, Weights):
            return f"weights is {type(declared).__name__}, not Weights"
        if not declared.source:
            return "the weights have no source"
        if declared.pretrained and not all(_SHA256.fullmatch(digest) for digest in declared.sha256.split() or [""]):
            return f"pretrained weights of '{declared.source}' have the sha256 {declared.sha256!r}"
    return None


@topic.check(
    reason="the licence of the weights may forbid some uses of a result",
    remedy="set MethodSpec.licence, or Weights.licence if it depends on the file",
    needs=("weights",),
)
def licence(tested: MethodUnderTest) -> str | None:
    """Require a licence of the method or of its weights."""
    if tested.spec.licence.strip():
        return None
    without = [used.source for used in _weights_in_use(tested) if not used.licence.strip()]
    return f"no licence is declared for the weights '{without[0]}'" if without else None


@topic.check(
    reason="`reidbench methods` shows what a user must download or install before a run",
    remedy="set MethodSpec.needs, for example to the weights and their size",
    needs=("weights",),
)
def needs(tested: MethodUnderTest) -> str | None:
    """Require that a method with weights declares them in needs."""
    _weights_in_use(tested)
    return "it uses weights, but needs is 'nothing'" if tested.spec.needs in ("", "nothing") else None


def _fields(tested: MethodUnderTest) -> dict[str, Any]:
    fields = dict(tested.spec.settings.model_fields)
    if not fields:
        raise NotApplicable("it has no settings")
    return fields


def _weights_in_use(tested: MethodUnderTest) -> list[Weights]:
    used = [part.weights for part in tested.prepared.parts if part.weights != NO_WEIGHTS]
    if not used:
        raise NotApplicable("it uses no weights")
    return used


def _validation_error(kind: type[Settings], values: Mapping[str, Any], key: str | None = None) -> str | None:
    """Return the first validation error, or ``None``; with a key, only an error of this setting."""
    try:
        kind(**values)
    except ValidationError as error:
        details = [detail for detail in error.errors() if key is None or (detail["loc"] and detail["loc"][0] == key)]
        return f"{'.'.join(map(str, details[0]['loc']))}: {details[0]['msg']}" if details else None
    return None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(_as_text(item) for item in value)
    return str(value)


@functools.lru_cache(maxsize=64)
def _imported_by(module: str, path: str) -> str | None:
    """Return the heavy packages that the hook of a module imports in a new process, as a sentence, or ``None``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _IMPORT, module, path, ",".join(HEAVY)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        return f"importing {module} in a new process fails: {result.stderr.strip().splitlines()[-1]}"
    imported = result.stdout.strip().splitlines()[-1].strip('[]"').replace('"', "")
    return f"calling the hook imports {imported}" if imported else None
