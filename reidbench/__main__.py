"""``python -m reidbench``: the command line, for an interpreter whose scripts are not on the path."""

from reidbench.cli.main import main

if __name__ == "__main__":
    main()
