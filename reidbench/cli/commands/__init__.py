"""The commands of ``reidbench``: one module a command, named like it."""
