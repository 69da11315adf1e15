"""Give the settings of a command that runs several methods to the methods that they are meant for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reidbench.errors import ReidbenchError, did_you_mean
from reidbench.registry.registered import Registry
from reidbench.running.building import OPTIONS


def settings_by_method(
    methods: Sequence[str], given: Mapping[str, Any], registry: Registry
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings of each method, and remarks on settings that do not reach all methods.

    ``METHOD.KEY`` reaches that method alone. ``PART.KEY``, where no method of the run is called PART, reaches the
    methods that combine others. ``KEY`` reaches all methods that have it. With one method, every other key is passed
    on, and the method checks it.

    Args:
        methods: Names of the methods of the command.
        given: Settings by name.
        registry: Registry with the methods. A method that is not in it receives every setting without a prefix.

    Raises:
        ReidbenchError: No method has a setting, or no method has the prefix as its name.
    """
    names = list(dict.fromkeys(methods))
    fields = {name: _fields(name, registry) for name in names}
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    remarks = []
    fusions = [name for name in names if (known := fields[name]) is None or OPTIONS in known]
    for key, value in given.items():
        method = _addressed(key, names)
        if method is not None:
            inner = key.removeprefix(f"{method}.")
            own[method][inner] = value
            others = [name for name in fusions if name != method and fields[name] is not None]
            remarks += [
                f"{key} reaches the method {method} alone; for a part of {name} write --set {name}.{key}={value}"
                for name in others
            ]
            continue
        prefix, dot, _ = key.partition(".")
        if dot:
            reached = fusions
        else:
            reached = [name for name in names if (known := fields[name]) is None or key in known]
        if not reached and len(names) == 1:
            reached = names  # the method's own message names its settings
        if not reached:
            raise _without_method(key, value, names, fields, prefix if dot else "")
        for name in reached:
            settings[name][key] = value
        if not dot and len(reached) < len(names):
            others = [name for name in names if name not in reached]
            remarks.append(f"{key} reaches {', '.join(reached)}; {', '.join(others)}: no such setting")
    return {name: {**settings[name], **own[name]} for name in names}, list(dict.fromkeys(remarks))


def _addressed(key: str, names: Sequence[str]) -> str | None:
    """Return the method that a key begins with; the longest name if several do."""
    return max((name for name in names if key.startswith(f"{name}.")), key=len, default=None)


def _fields(name: str, registry: Registry) -> frozenset[str] | None:
    """Return the names of a method's settings, ``None`` if it cannot be found; making its run names the reason."""
    try:
        return frozenset(registry.find(name).spec.settings.model_fields)
    except ReidbenchError:
        return None


def _without_method(
    key: str, value: Any, names: Sequence[str], fields: Mapping[str, frozenset[str] | None], prefix: str
) -> ReidbenchError:
    if prefix:
        hint = did_you_mean(prefix, names)
        return ReidbenchError(
            f"no method of this command is called '{prefix}', and none has parts" + (f"; {hint}" if hint else ""),
            where=f"--set {key}={value}",
            remedy=f"the methods are: {', '.join(names)}",
        )
    known = sorted({field for each in fields.values() for field in each or ()})
    hint = did_you_mean(key, known)
    return ReidbenchError(
        f"none of the methods {', '.join(names)} has the setting '{key}'" + (f"; {hint}" if hint else ""),
        where=f"--set {key}={value}",
        remedy="; ".join(f"reidbench methods {name}" for name in names) + "   # list the settings",
    )
