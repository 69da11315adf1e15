"""Write a new plugin package from templates: the core of ``reidbench plugin new``.

The templates are package data. All kinds share the project file, the test and the README. Each kind has a module with
the hook and, except for a fusion, a module with the method.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

import jinja2

from reidbench.errors import ReidbenchError
from reidbench.files import explain_os_errors, remove_file, remove_folder, write_text
from reidbench.registry.registered import load_registry
from reidbench.version import __version__

KINDS = {
    "embedding": "one vector for each image, compared by cosine",
    "pair": "features of each image, and a comparison of two images",
    "fusion": "a weighted mean of other methods, each calibrated",
    "classifier": "a probability for each animal that it was trained on, and one for unknown animals",
    "scores": "arrays of any kind for each image, and any similarity of two images",
}
"""The kinds of method, each with a short description."""
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40  # characters of a name


@dataclass(frozen=True, slots=True)
class PluginPlan:
    """The name, kind and licence of a new plugin.

    Attributes:
        name: Name of the method and part of the name of the package.
        kind: One of :data:`KINDS`.
        licence: SPDX licence expression of the package.

    Raises:
        ReidbenchError: The name, the kind or the licence is invalid.
    """

    name: str
    kind: str = "embedding"
    licence: str = "MIT"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ReidbenchError(
                f"unknown kind of method '{self.kind}'",
                where=f"--kind {self.kind}",
                remedy=f"choose one of: {', '.join(KINDS)}",
            )
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST or keyword.iskeyword(self.name):
            guess = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_0123456789")[:_LONGEST].strip("_")
            usable = _NAME.fullmatch(guess) and not keyword.iskeyword(guess)
            raise ReidbenchError(
                f"'{self.name}' is no valid name: use lower-case letters, digits and single underscores, at most "
                f"{_LONGEST} characters, starting with a letter, and no keyword of Python",
                where=f"reidbench plugin new {self.name}",
                remedy=f"reidbench plugin new {guess if usable else 'my_method'}",
            )
        if not re.fullmatch(r"[A-Za-z0-9.+()-]+( [A-Za-z0-9.+()-]+)*", self.licence):
            raise ReidbenchError(
                f"'{self.licence}' is no SPDX licence expression",
                where=f"--licence {self.licence}",
                remedy="choose a licence of spdx.org/licenses, such as --licence Apache-2.0",
            )

    @property
    def distribution(self) -> str:
        """Name of the distribution."""
        return "reidbench-" + self.name.replace("_", "-")

    @property
    def package(self) -> str:
        """Name of the import package."""
        return f"reidbench_{self.name}"

    @property
    def class_name(self) -> str:
        """Name of the class of the method."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def files(self) -> dict[str, str]:
        """Return the text of each file, by its path in the folder of the package."""
        templates = {
            "pyproject.toml": "pyproject.toml.j2",
            "README.md": "README.md.j2",
            f"{self.package}/__init__.py": f"{self.kind}/__init__.py.j2",
            f"tests/test_{self.name}.py": "test.py.j2",
        }
        if self.kind != "fusion":
            templates[f"{self.package}/method.py"] = f"{self.kind}/method.py.j2"
        engine = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=False,  # the files are Python and TOML, and the names were validated
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        return {
            path: engine.get_template(template).render(plan=self, version=__version__, summary=KINDS[self.kind])
            for path, template in templates.items()
        }


def check_free(plan: PluginPlan) -> None:
    """Refuse a name that a method of another distribution or an installed package has.

    Raises:
        ReidbenchError: The name is taken.
    """
    offers = load_registry().offers
    for offer in offers:
        if offer.spec.name == plan.name and offer.distribution != plan.distribution:
            raise ReidbenchError(
                f"{offer.distribution} {offer.version} already has a method '{plan.name}'",
                where=f"reidbench plugin new {plan.name}",
                remedy=f"choose another name, such as my_{plan.name}",
            )
    installed = any(offer.distribution == plan.distribution for offer in offers)
    if not installed and importlib.util.find_spec(plan.package) is not None:
        raise ReidbenchError(
            f"a package '{plan.package}' is already installed",
            where=f"reidbench plugin new {plan.name}",
            remedy=f"choose another name, such as my_{plan.name}",
        )


def write_plugin(plan: PluginPlan, folder: Path) -> list[Path]:
    """Write a new package and return its files; an error leaves no files.

    Args:
        plan: Name, kind and licence of the plugin.
        folder: Folder to write to. It must be empty or not exist.

    Raises:
        ReidbenchError: The folder is not empty, or a file cannot be written.
    """
    files = {folder / name: text for name, text in plan.files().items()}
    with explain_os_errors(
        "the plugin cannot be written",
        where=f"--output {folder}",
        remedy="name a writable folder with -o DIR",
    ):
        existed = folder.exists()
        if existed and (not folder.is_dir() or any(folder.iterdir())):
            raise ReidbenchError(
                f"'{folder}' exists and will not be overwritten",
                where=f"--output {folder}",
                remedy="name a folder that does not exist with -o DIR",
            )
        try:
            for path, text in files.items():
                write_text(path, text)
        except OSError:
            for written in folder.iterdir() if existed else [folder]:
                (remove_folder if written.is_dir() else remove_file)(written, ignore_errors=True)
            raise
    return list(files)
