"""The file of ``tune -o`` and ``run --settings``: a method's settings, with all that makes the same run of them.

A file of settings alone, as JSON object, is read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reidbench.errors import ReidbenchError
from reidbench.files import write_output
from reidbench.untrusted.reading import parse_json, read_regular
from reidbench.untrusted.text import json_text

_RESULTS = ("rank1", "balanced_rank1", "seconds", "run")  # `tune --json` writes them next to the settings


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Settings of a method, and the inputs of the run that they are from.

    Attributes:
        settings: The settings that were given and chosen, in addition to those of the preset.
        method: Name of the method; ``None`` in a file of settings alone, as for the other inputs.
        preset: Name of the preset; ``None`` if the method has none.
        dataset: Name or path of the dataset.
        root: Folder of the images.
        unknown: Further words for an unidentified animal.
        names: Words that are names of animals.
        columns: Column of the table for each role, as for ``--columns``.
        bbox: Form of the boxes, as for ``--bbox``.
        folders: Layout of the folder, as for ``--folders``.
        encounter_minutes: Longest time between two photographs of one encounter, as for ``--encounter-minutes``.
        split_seed: Seed of the split.
        seed: Seed of the method.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    preset: str | None = None
    dataset: str | None = None
    root: str | None = None
    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    bbox: str | None = None
    folders: str | None = None
    encounter_minutes: float | None = None
    split_seed: int | None = None
    seed: int | None = None

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            ReidbenchError: The file can't be written.
        """
        write_output(path, json_text(asdict(self), indent=2) + "\n", "settings")


def read_settings_file(path: Path) -> SettingsFile:
    """Read a file of ``tune``, or a JSON object of settings.

    Raises:
        ReidbenchError: The file can't be read, or it has a key that means nothing.
    """

    def unreadable(reason: object) -> ReidbenchError:
        return ReidbenchError(
            f"the settings can't be read: {reason}",
            where=f"--settings {path}",
            remedy="name a JSON file of settings, such as tune writes",
        )

    try:
        data = parse_json(read_regular(path))
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    if not isinstance(data, dict):
        raise unreadable("it is not a JSON object")
    if not isinstance(data.get("settings"), dict):
        return SettingsFile(settings=data)
    known = {key: value for key, value in data.items() if key not in _RESULTS}
    if strange := [key for key in known if key not in SettingsFile.__dataclass_fields__]:
        raise unreadable(f"'{strange[0]}' is not a key of such a file")
    types: dict[str, type | tuple[type, ...]] = {
        "settings": dict, "unknown": list, "names": list, "columns": dict, "split_seed": int, "seed": int,
        "encounter_minutes": (int, float),
    }  # fmt: skip
    for key, value in known.items():
        optional = value is None and key not in ("settings", "unknown", "names", "columns")
        if not optional and (not isinstance(value, types.get(key, str)) or isinstance(value, bool)):
            raise unreadable(f"'{key}' can't be {value!r}")
    words = {key: tuple(map(str, known[key])) for key in ("unknown", "names") if key in known}
    return SettingsFile(**{**known, **words})
