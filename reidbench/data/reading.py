"""How a dataset is read: what the user says about it, and the report on what was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from reidbench.errors import ReidbenchError

BOX_FORMS: Final = ("xywh", "xyxy", "relative", "percent")
"""Forms of boxes: ``[x, y, width, height]`` in pixels, corners, or ``xywh`` as shares or percent of a picture."""
FOLDER_LAYOUTS: Final = ("identity", "split/identity", "year/identity", "station/identity", "group/identity", "market")
"""Layouts of a folder: which folders are animals, or names of files as in Market-1501."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a user says about the form of a dataset.

    Attributes:
        columns: Column of the table for each role, such as ``{"identity": "Animal"}``; empty text for no column
            (``--columns``).
        bbox: Form of boxes, one of :data:`BOX_FORMS`; empty if the user names none (``--bbox``).
        folders: Layout of a folder, one of :data:`FOLDER_LAYOUTS`; empty if the user names none (``--folders``).
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    bbox: str = ""
    folders: str = ""

    def __post_init__(self) -> None:
        if self.bbox not in ("", *BOX_FORMS):
            raise ReidbenchError(
                f"there is no form of boxes '{self.bbox}'",
                where=f"--bbox {self.bbox}",
                remedy=f"choose one of: {', '.join(BOX_FORMS)}",
            )
        if self.folders not in ("", *FOLDER_LAYOUTS):
            raise ReidbenchError(
                f"there is no layout of folders '{self.folders}'",
                where=f"--folders {self.folders}",
                remedy=f"choose one of: {', '.join(FOLDER_LAYOUTS)}",
            )

    def check_box_column(self, header: Mapping[str, str], columns: Iterable[str], where: str) -> None:
        """Check that a table has a column of boxes if the user names their form.

        Args:
            header: Column of each role.
            columns: All columns.
            where: The table.

        Raises:
            ReidbenchError: It has none.
        """
        if self.bbox and "bbox" not in header:
            raise ReidbenchError(
                f"the table has no column bbox; its columns: {', '.join(columns)}",
                where=f"{where}, --bbox {self.bbox}",
                remedy="--columns bbox=COLUMN, or remove --bbox",
            )

    def refuse_folders(self, where: str, why: str) -> None:
        """Check that the user names no layout of folders.

        Args:
            where: The dataset.
            why: Reason why it has none.

        Raises:
            ReidbenchError: The user names a layout.
        """
        if self.folders:
            raise ReidbenchError(
                f"{why}, so --folders has no use",
                where=f"{where}, --folders {self.folders}",
                remedy="remove --folders",
            )

    def refuse_table(self, where: str, why: str) -> None:
        """Check that the user says nothing about the columns of a table.

        Args:
            where: The dataset.
            why: Reason why it has none that can be named.

        Raises:
            ReidbenchError: The user names columns or a form of boxes.
        """
        for option, given in (
            ("--columns", ",".join(f"{role}={header}" for role, header in self.columns.items())),
            ("--bbox", self.bbox),
        ):
            if given:
                raise ReidbenchError(
                    f"{why}, so {option} has no use", where=f"{where}, {option} {given}", remedy=f"remove {option}"
                )


@dataclass(frozen=True, slots=True)
class BoxCounts:
    """Numbers of boxes.

    Attributes:
        n: Boxes.
        n_cut: Boxes that leave their picture and are cut at its edge.
        n_small: Boxes with a side under 32 pixels within the picture.
        n_turned: Boxes in pictures that EXIF turns by 90 degrees.
    """

    n: int = 0
    n_cut: int = 0
    n_small: int = 0
    n_turned: int = 0


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """What a source read, in addition to the images themselves.

    Attributes:
        columns: Column of the table that each role was read from; empty if the source is no table of the user.
        columns_not_used: Columns of the table that nothing was read from.
        boxes: Numbers of boxes.
        layout: Layout of the folder, one of :data:`FOLDER_LAYOUTS`; empty if the source is no folder.
        options: The options of the user for the form of the table and its boxes.
        remarks: Doubts about names, copies, groups and dates, one line each.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    columns_not_used: tuple[str, ...] = ()
    boxes: BoxCounts = BoxCounts()
    layout: str = ""
    options: ReadingOptions = ReadingOptions()
    remarks: tuple[str, ...] = ()

    def with_encounter(self, header: str) -> ReadingReport:
        """Return the report with the column that encounters were read from; empty text for none."""
        columns = {role: name for role, name in self.columns.items() if role != "encounter"}
        left = [*self.columns_not_used, *(name for role, name in self.columns.items() if role == "encounter")]
        if header:
            columns["encounter"] = header
        return replace(self, columns=columns, columns_not_used=tuple(name for name in left if name != header))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values, with the keys of ``dataset.reading`` in run records."""
        return {
            "columns": dict(self.columns),
            "columns_not_used": list(self.columns_not_used),
            "columns_option": dict(self.options.columns),
            "bbox_option": self.options.bbox,
            "layout": self.layout,
            "folders_option": self.options.folders,
            "n_boxes": self.boxes.n,
            "n_boxes_cut": self.boxes.n_cut,
            "n_boxes_small": self.boxes.n_small,
            "remarks": list(self.remarks),
        }

    def lines(self) -> list[str]:
        """Return a line for each thing that a reader of the results should know.

        Example:
            >>> ReadingReport({"identity": "individualID", "path": "path"}, ("Sex",)).lines()
            ["columns: identity from 'individualID', path; not used: 'Sex'"]
        """
        lines = []
        if self.columns:
            used = [role if role == header else f"{role} from '{header}'" for role, header in self.columns.items()]
            unused = ", ".join(f"'{header}'" for header in self.columns_not_used)
            lines.append(f"columns: {', '.join(used)}" + f"; not used: {unused}" * bool(unused))
        if self.layout:
            lines.append(f"folders: read as {self.layout}")
        if self.boxes.n:
            cut = f", {self.boxes.n_cut} cut at the edge of the picture" if self.boxes.n_cut else ""
            small = f", {self.boxes.n_small} under 32 pixels" if self.boxes.n_small else ""
            turned = self.boxes.n_turned
            in_upright = f", {turned} in pictures that EXIF turns (read in the upright picture)" if turned else ""
            form = f" ({self.options.bbox})" if self.options.bbox else ""
            lines.append(f"boxes{form}: {self.boxes.n}{cut}{small}{in_upright}")
        return [*lines, *self.remarks]
