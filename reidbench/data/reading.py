"""How a dataset is read: what the user says about it, and the report on what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reidbench.errors import ReidbenchError


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a user says about the form of a dataset.

    Attributes:
        columns: Column of the table for each role, such as ``{"identity": "Animal"}``; empty text for no column
            (``--columns``).
    """

    columns: Mapping[str, str] = field(default_factory=dict)

    def refuse_columns(self, where: str, why: str) -> None:
        """Check that the user names no columns.

        Args:
            where: The dataset.
            why: Reason why it takes none.

        Raises:
            ReidbenchError: The user names columns.
        """
        if self.columns:
            given = ",".join(f"{role}={header}" for role, header in self.columns.items())
            raise ReidbenchError(
                f"{why}, so --columns has no use", where=f"{where}, --columns {given}", remedy="remove --columns"
            )


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """What a source read, in addition to the images themselves.

    Attributes:
        columns: Column of the table that each role was read from; empty if the source is no table of the user.
        columns_not_used: Columns of the table that nothing was read from.
        options: What the user said about the form.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    columns_not_used: tuple[str, ...] = ()
    options: ReadingOptions = ReadingOptions()

    def with_encounter(self, header: str) -> ReadingReport:
        """Return the report with the column that encounters were read from; empty text for none."""
        columns = {role: name for role, name in self.columns.items() if role != "encounter"}
        left = [*self.columns_not_used, *(name for role, name in self.columns.items() if role == "encounter")]
        if header:
            columns["encounter"] = header
        return replace(self, columns=columns, columns_not_used=tuple(name for name in left if name != header))

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
        return lines
