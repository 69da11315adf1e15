"""The table of fields in docs/run-records.md is made from the docstrings of the record's model."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path

from reidbench.records.json_object import JsonObject
from reidbench.records.run_data import RunData
from reidbench.records.run_record import PREDICTION_COLUMNS

PAGE = (Path(__file__).parents[2] / "docs" / "run-records.md").read_text(encoding="utf-8")


def fields(model: type[JsonObject], inside: str = "", listed: list[type[JsonObject]] | None = None) -> dict[str, str]:
    """Return the description of each field by its path; the fields of an object follow where it occurs first."""
    listed = [] if listed is None else listed
    found = {}
    for name, field in model.model_fields.items():
        path = f"{inside}{field.alias or name}"
        found[path] = field.description or ""
        place, inner = objects(field.annotation)
        if inner is not None and not any(issubclass(each, inner) for each in listed):
            listed.append(inner)
            found |= fields(inner, f"{path}{place}.", listed)
    return found


def objects(annotation: object) -> tuple[str, type[JsonObject] | None]:
    """Return how a path goes on inside a field, and the object that is there."""
    if isinstance(annotation, type) and issubclass(annotation, JsonObject):
        return "", annotation
    place = {Mapping: ".NAME", tuple: "[]"}.get(typing.get_origin(annotation), "")
    for argument in typing.get_args(annotation):
        _, inner = objects(argument)
        if inner is not None:
            return place, inner
    return "", None


def test_the_page_has_every_field_with_its_description():
    described = fields(RunData)
    assert all(described.values())
    table = "\n".join(f"| `{path}` | {text} |" for path, text in described.items())
    assert f"| key | content |\n| --- | --- |\n{table}\n" in PAGE, f"put these rows on the page:\n\n{table}"


def test_the_page_has_the_columns_of_predictions():
    assert f"`{','.join(PREDICTION_COLUMNS)}`" in PAGE
