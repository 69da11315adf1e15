"""Makes the HTML of a page from values: templates, one style and one script.

The templates escape every value that is not :class:`~markupsafe.Markup`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reidbench.registry.sections import SectionPicture, SectionTable
from reidbench.reporting.blocks import Block, PageBlock, Section
from reidbench.version import __version__


def write_page(title: str, about: str, sections: Sequence[Section], *, written: str = "") -> str:
    """Return a page of sections.

    Args:
        title: Heading of the page.
        about: One or two sentences below the heading.
        sections: Sections of the page, in order.
        written: End of the last sentence on the page, such as ``from saved runs``.
    """
    values = {"title": title, "about": about, "sections": sections, "written": written}
    return render("page.html.j2", ("report.css",), ("theme.js", "report.js"), values)


def render(template: str, styles: Sequence[str], scripts: Sequence[str], values: dict[str, Any]) -> str:
    """Return a page that contains its style and script and allows no other script.

    Args:
        template: File name of the template; it extends ``base.html.j2``.
        styles: Files of its style, in order.
        scripts: Files of its script, in order.
        values: Values for the template, by name.
    """
    script = "".join(map(_source, scripts))
    return (
        environment()
        .get_template(template)
        .render(
            version=__version__,
            style=Markup("".join(map(_source, styles))),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            **values,
        )
    )


def draw(block: Block, label: str = "") -> Markup:
    """Return the HTML of a block, drawn by the macro in ``blocks.html.j2`` with the name of its class.

    Args:
        block: The block.
        label: Name of a table without a caption, such as the heading above it.
    """
    types = (str, SectionTable, SectionPicture)
    # A subclass from a plugin is drawn as the type that it extends, even if it has the name of one of our types.
    name = next(each.__name__ for each in type(block).__mro__ if each in types or each.__base__ is PageBlock)
    return Markup(getattr(environment().get_template("blocks.html.j2").module, name)(block, label))


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Return the template engine; an undefined name in a template is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    made.globals["draw"] = draw
    return made


def _source(name: str) -> str:
    return (_templates() / name).read_text(encoding="utf-8")


def _templates() -> Path:
    return Path(__file__).parent / "templates"
