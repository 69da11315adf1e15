"""How an error a user can mend is printed: what happened, where, and what to do."""

from __future__ import annotations

from rich.console import Console

from reidbench.errors import ReidbenchError


def print_error(error: ReidbenchError, console: Console) -> None:
    """Print one message without a traceback; text of the user's is never read as markup."""
    console.print("[bold red]error:[/bold red] ", end="")
    console.print(error.message, markup=False, soft_wrap=True)
    if error.where:
        console.print(f"  where:  {error.where}", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(f"  remedy: {error.remedy}", markup=False, soft_wrap=True)
