r"""Make the text of users safe for a terminal, a spreadsheet or a Markdown page.

Names, paths and records can come from other people. A terminal obeys control characters, a spreadsheet computes cells
that begin with ``=``, and a Markdown page draws links and HTML. The consoles of :mod:`reidbench.progress` and the
writers of tables call these functions; other code need not. HTML pages are escaped by Jinja2.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_JOINERS = "\u200c\u200d\u00ad"
"""Invisible characters that names in some scripts need: the two joiners and the soft hyphen."""
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")
_MARKED = re.compile(r"'[=+\-@\t\r＝＋－＠]")


def visible(text: str) -> str:
    r"""Return a text with characters that command a terminal as codes; line ends and tabs stay.

    These are control characters, characters that change the direction of writing, other invisible characters, line
    and paragraph separators of Unicode, and halves of surrogate pairs, which stand for broken bytes in file names.

    Example:
        >>> print(visible("red: \x1b[31m, right to left: \u202e"))
        red: \x1b[31m, right to left: \u202e
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) else _code(letter) for letter in text)


def safe_cell(value: object) -> object:
    r"""Return a cell that no spreadsheet computes; numbers stay as they are.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe, by which
    spreadsheets mark text. :func:`unmarked_cell` is the inverse.

    Example:
        >>> safe_cell('=HYPERLINK("http://x")'), safe_cell("-0.5"), safe_cell(-0.5), safe_cell("ana")
        ('\'=HYPERLINK("http://x")', '-0.5', -0.5, 'ana')
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def unmarked_cell(text: str) -> str:
    """Return the text of a cell without the apostrophe of :func:`safe_cell`.

    Example:
        >>> unmarked_cell("'=ana"), unmarked_cell("'ana'")
        ('=ana', "'ana'")
    """
    return text[1:] if _MARKED.match(text) else text


def markdown(text: str) -> str:
    r"""Return a text for one line of a Markdown page, where it draws neither links, HTML nor the cells of a table.

    Example:
        >>> print(markdown("[a](http://x) <b> *c* | d"))
        \[a\](http\://x) &lt;b&gt; \*c\* \| d
    """
    text = visible(" ".join(text.splitlines()))
    text = re.sub(r"([\\`*\[\]|~])", r"\\\1", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?i)\b(www)\.", r"\1\\.", text.replace("://", r"\://"))


def json_text(value: Any, **options: Any) -> str:
    r"""Return a value as JSON: letters of all languages as they are, characters that command a terminal as codes.

    Args:
        value: A plain JSON value. JSON lacks nan and infinity, so they become null.
        options: Further arguments of :func:`json.dumps`.

    Example:
        >>> json_text(["žirafa", "\x9b31m"])
        '["žirafa", "\\u009b31m"]'
    """
    text = json.dumps(null_for_nan(value), ensure_ascii=False, **options)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(letter if _is_harmless(letter) else json.dumps(letter)[1:-1] for letter in text)


def null_for_nan(value: Any) -> Any:
    """Return a plain JSON value with ``None`` for nan and infinity, at any depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: null_for_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [null_for_nan(entry) for entry in value]
    return value


def _is_harmless(letter: str) -> bool:
    category = unicodedata.category(letter)
    return category not in ("Cc", "Cf", "Cs", "Zl", "Zp") or letter in "\n\t" or letter in _JOINERS


def _code(letter: str) -> str:
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
