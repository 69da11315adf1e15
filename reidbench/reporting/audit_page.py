"""An audit as tables and as one HTML file that needs no network: the pairs side by side, and the doubtful images.

Everything that comes from data is escaped, and the page allows only its own script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reidbench.auditing.findings import LINKS, NEAR_EMBEDDING, Audit, Pair
from reidbench.auditing.rescoring import WithoutLeaks
from reidbench.constants import UNDEFINED
from reidbench.reporting.blocks import Card, Cards, Photograph, Remark, Section, table_blocks
from reidbench.reporting.numbers import show, show_difference, show_difference_interval
from reidbench.reporting.photographs import Photographs, Thumbnail, thumbnail
from reidbench.reporting.small_tables import SmallTable
from reidbench.reporting.templating import write_page

SHOWN = 24
"""Most cards of one kind: with two pictures each, and twelve kinds, the page stays below 5 MB."""
_EXAMPLES = 2


def audit_tables(audit: Audit, runs: Sequence[WithoutLeaks] = (), more: Sequence[SmallTable] = ()) -> list[SmallTable]:
    """Return the findings as tables: pairs, suspects, identities in one part, and runs without their leaked queries."""
    tables = [_pairs_table(audit)]
    kinds = dict.fromkeys(suspect.kind for suspect in audit.suspects)
    if kinds:
        cells = []
        for kind in kinds:
            notes = [suspect.note for suspect in audit.suspects if suspect.kind == kind]
            examples = "; ".join(notes[:_EXAMPLES]) + ("; …" if len(notes) > _EXAMPLES else "")
            cells.append((kind, examples, str(len(notes))))
        title = "Suspects: a person should check these images"
        tables.append(SmallTable(title, ("kind", "examples", "found"), tuple(cells), n_names=2))
    alone = audit.in_one_part()
    if alone:
        note = (
            "Animals that appear only in calibration or test serve as new animals. Animals that appear only in the "
            "gallery are never queries."
        )
        rows = tuple((part, str(count)) for part, count in alone.items())
        tables.append(SmallTable("Identities in one part only", ("part", "identities"), rows, (note,)))
    if runs:
        tables.append(_runs_table(runs))
    return [*tables, *more]


def write_audit(audit: Audit, tables: Sequence[SmallTable]) -> str:
    """Return the page of an audit, pairs on two sides of the split first.

    Args:
        audit: The findings.
        tables: Their tables, as :func:`audit_tables` returns them.
    """
    summary = [block for table in tables for block in table_blocks(table, captioned=True)]
    sections = [Section("Summary", summary, anchor="summary"), *_sections(audit)]
    return write_page(f"Audit of {audit.images.name}", _about(audit), sections)


def as_json(audit: Audit, runs: Sequence[WithoutLeaks] = (), probes: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return all findings as plain JSON values; images by their ids."""
    image_id = audit.images.table["image_id"].tolist()
    return {
        "dataset": audit.images.name,
        "digest": audit.images.digest,
        "n_images": len(audit.images),
        "reading": audit.images.reading.to_json(),
        "split": audit.split.digest if audit.split else None,
        "pairs": [
            {
                "kind": pair.kind,
                "images": [image_id[pair.left], image_id[pair.right]],
                "sides": [audit.sides[pair.left] or None, audit.sides[pair.right] or None],
                "crosses": audit.crosses(pair),
                "alike": pair.alike,
                "apart_s": pair.apart_s,
            }
            for pair in audit.pairs
        ],
        "suspects": [
            {"kind": each.kind, "images": [image_id[row] for row in each.rows], "note": each.note}
            for each in audit.suspects
        ],
        "not_checked": dict(audit.not_checked),
        "leaked": [image_id[row] for row in audit.leaked()],
        "in_one_part": audit.in_one_part(),
        "runs": [
            {
                "run": each.run, "method": each.method, "split": each.split, "n_queries": each.n_queries,
                "n_leaked": each.n_leaked, "score": each.score, "without_leaks": each.clean,
                "difference": each.difference and each.difference.value,
                "difference_low": each.difference and each.difference.interval.low,
                "difference_high": each.difference and each.difference.interval.high,
                "reason": each.reason or None,
            }
            for each in runs
        ],
        "background": list(probes),
        "notes": list(audit.notes),
    }  # fmt: skip


def _pairs_table(audit: Audit) -> SmallTable:
    cells = []
    identity = audit.images.table["identity"].tolist()
    for kind in LINKS:
        if kind in audit.not_checked:
            cells.append((kind, UNDEFINED, UNDEFINED, UNDEFINED))
            continue
        pairs = [pair for pair in audit.pairs if pair.kind == kind]
        across = sum(audit.crosses(pair) for pair in pairs)
        two = sum(identity[pair.left] != identity[pair.right] for pair in pairs)
        cells.append((kind, str(len(pairs)), str(across) if audit.split else UNDEFINED, str(two)))
    notes = list(audit.notes)
    notes += [f"{kind.capitalize()}: not checked; {reason}." for kind, reason in audit.not_checked.items()]
    if audit.split:
        leaked = audit.leaked()
        sides = audit.sides[leaked]
        n_queries = {part: int((audit.sides == part).sum()) for part in ("calibration", "test")}
        counts = ", ".join(f"{int((sides == part).sum())} of {n} in {part}" for part, n in n_queries.items())
        notes.append("On two sides: one image is in another part than the other (gallery, calibration or test).")
        notes.append("Two identities: the two images show animals of different names.")
        notes.append(
            f"Leaked queries: {counts}. Pairs link them, directly or in a chain, with an image of another part."
        )
    headings = ("pairs", "found", "on two sides", "two identities")
    return SmallTable(
        f"{audit.images.name}: pairs of images from the same photograph or encounter",
        headings,
        tuple(cells),
        tuple(notes),
    )


def _runs_table(runs: Sequence[WithoutLeaks]) -> SmallTable:
    cells = []
    for each in runs:
        lost = each.difference
        cells.append((
            each.method, each.run, f"{each.n_leaked} of {each.n_queries}", show(each.score), show(each.clean),
            show_difference(lost.value if lost else None),
            show_difference_interval(lost.interval if lost else None),
        ))  # fmt: skip
    notes = dict.fromkeys(f"{each.method}, {each.run}: {each.reason}." for each in runs if each.reason)
    notes["Lost: the score minus the score without the leaked test queries, with its 95 % interval over animals."] = (
        None
    )
    headings = ("method", "run", "leaked", "score", "without", "lost", "95 %")
    return SmallTable("Saved runs without their leaked test queries", headings, tuple(cells), tuple(notes), n_names=2)


def _about(audit: Audit) -> str:
    n_identity = audit.images.table["identity"].nunique()
    images = f"{len(audit.images)} images of {n_identity} animals"
    if audit.split is None:
        return f"{images}, no split."
    return f"{images}, split {audit.split.digest[:12]}. Pairs on two sides of the split come first."


def _sections(audit: Audit) -> list[Section]:
    photographs = Photographs(audit.images)
    small: dict[int, Thumbnail | None] = {}

    def photograph(row: int) -> Photograph:
        table = audit.images.table
        image_id, identity, date = (str(table[name].iloc[row]) for name in ("image_id", "identity", "date"))
        if row not in small:
            pixels = photographs.pixels(image_id)
            small[row] = None if pixels is None else thumbnail(pixels)
        lines = (str(audit.sides[row]), f"{identity}, {date}" if date else identity, image_id)
        return Photograph(small[row], f"{identity}, {image_id}", lines, bold=0)

    def section(anchor: str, title: str, cards: list[Card], total: int) -> Section:
        return Section(title.capitalize(), [Remark(_count(len(cards), total)), Cards(cards)], anchor=anchor)

    sections = []
    for number, kind in enumerate(LINKS):
        pairs = sorted((pair for pair in audit.pairs if pair.kind == kind), key=lambda pair: _order(audit, pair))
        if pairs:
            cards = [Card([photograph(p.left), photograph(p.right)], _description(audit, p)) for p in pairs[:SHOWN]]
            sections.append(section(f"pairs-{number}", kind, cards, len(pairs)))
    for number, kind in enumerate(dict.fromkeys(suspect.kind for suspect in audit.suspects)):
        suspects = [suspect for suspect in audit.suspects if suspect.kind == kind]
        cards = [Card([photograph(row) for row in each.rows[:4]], each.note) for each in suspects[:SHOWN]]
        sections.append(section(f"suspects-{number}", kind, cards, len(suspects)))
    return sections


def _order(audit: Audit, pair: Pair) -> tuple[bool, bool, float, int, int]:
    identity = audit.images.table["identity"]
    same_identity = identity.iloc[pair.left] == identity.iloc[pair.right]
    return (not audit.crosses(pair), bool(same_identity), -(pair.alike or 1.0), pair.left, pair.right)


def _description(audit: Audit, pair: Pair) -> str:
    measure = "cosine" if pair.kind == NEAR_EMBEDDING else "correlation"
    facts = [] if pair.alike is None else [f"{measure} {pair.alike:.3f}"]
    if pair.apart_s is not None:
        facts.append(f"{pair.apart_s:g} s apart")
    identity = audit.images.table["identity"]
    if identity.iloc[pair.left] != identity.iloc[pair.right]:
        facts.append("two identities")
    if audit.split:
        facts.append("on two sides of the split" if audit.crosses(pair) else "not on two sides of the split")
    return ", ".join(facts)


def _count(shown: int, total: int) -> str:
    return f"{total} found" if shown == total else f"{total} found, {shown} shown"
