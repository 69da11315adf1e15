"""How the page's templates are found and read; everything that goes into them is escaped."""

from __future__ import annotations

from pathlib import Path

import jinja2


def environment() -> jinja2.Environment:
    """Return the template engine; a name that a template misspells is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def source(name: str) -> str:
    """Return the text of a file beside the templates, such as the page's style."""
    return (_templates() / name).read_text(encoding="utf-8")


def _templates() -> Path:
    return Path(__file__).parent / "templates"
