"""A new plugin package from templates: what ``reidbench plugin new`` writes.

The templates are package data. Every kind shares the packaging, the test and the README, and has a hook
module and, but for a fusion, a method of its own.
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
    "fusion": "a weighted mean of other methods, by name, each calibrated",
    "classifier": "a probability for each animal trained on, and one for none of them",
    "scores": "arrays of any kind, and any similarity of two of them",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class PluginPlan:
    """What a new plugin is called and does.

    Attributes:
        name: What ``--method`` will take; a word of Python.
        kind: One of :data:`KINDS`.
        licence: SPDX expression for its packaging.

    Raises:
        ReidbenchError: The name can't be a method's and a package's, is taken, or there is no such kind.
    """

    name: str
    kind: str = "embedding"
    licence: str = "MIT"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ReidbenchError(
                f"there is no kind of method '{self.kind}'",
                where=f"--kind {self.kind}",
                remedy=f"choose one of: {', '.join(KINDS)}",
            )
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST or keyword.iskeyword(self.name):
            guess = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_0123456789")[:_LONGEST].strip("_")
            usable = _NAME.fullmatch(guess) and not keyword.iskeyword(guess)
            raise ReidbenchError(
                f"a method can't be called '{self.name}': lower-case letters, digits and single underscores, a "
                f"letter first, at most {_LONGEST}, and no keyword of Python",
                where=f"reidbench plugin new {self.name}",
                remedy=f"reidbench plugin new {guess if usable else 'my_method'}",
            )
        if not re.fullmatch(r"[A-Za-z0-9.+()-]+( [A-Za-z0-9.+()-]+)*", self.licence):
            raise ReidbenchError(
                f"'{self.licence}' is no licence expression",
                where=f"--licence {self.licence}",
                remedy="name one of spdx.org/licenses, such as --licence Apache-2.0",
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
        """Name of the method's class."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def files(self) -> dict[str, str]:
        """Return the text of each file, by its path in the package's folder."""
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
            autoescape=False,  # Python and TOML, of names that have been checked
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        return {
            path: engine.get_template(template).render(plan=self, version=__version__, told=KINDS[self.kind])
            for path, template in templates.items()
        }


def check_free(plan: PluginPlan) -> None:
    """Refuse a name that another distribution's method has: two of one name can't be asked for by it alone.

    Raises:
        ReidbenchError: The name is taken.
    """
    offers = load_registry().offers
    for offer in offers:
        if offer.spec.name == plan.name and offer.distribution != plan.distribution:
            raise ReidbenchError(
                f"{offer.distribution} {offer.version} has a method '{plan.name}' already",
                where=f"reidbench plugin new {plan.name}",
                remedy=f"take another name, such as my_{plan.name}",
            )
    own = any(offer.distribution == plan.distribution for offer in offers)
    if not own and importlib.util.find_spec(plan.package) is not None:
        raise ReidbenchError(
            f"a package '{plan.package}' is installed already",
            where=f"reidbench plugin new {plan.name}",
            remedy=f"take another name, such as my_{plan.name}",
        )


def write_plugin(plan: PluginPlan, folder: Path) -> list[Path]:
    """Write a new package and return its files; if one can't be written, none stays.

    Args:
        plan: The package.
        folder: The folder to write to, which must be empty or not exist.

    Raises:
        ReidbenchError: The folder is not empty, or can't be written.
    """
    files = {folder / name: text for name, text in plan.files().items()}
    with explain_os_errors(
        "the plugin can't be written",
        where=f"--output {folder}",
        remedy="name a folder that can be written with -o DIR",
    ):
        existed = folder.exists()
        if existed and (not folder.is_dir() or any(folder.iterdir())):
            raise ReidbenchError(
                f"'{folder}' exists and is not overwritten",
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
