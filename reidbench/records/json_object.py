"""Base class of the JSON objects that a run record is made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class JsonObject(BaseModel):
    """An immutable JSON object with checked fields; keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, use_attribute_docstrings=True)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, those of unknown keys included."""
        return self.model_dump(mode="json", by_alias=True)
