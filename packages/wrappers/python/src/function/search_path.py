"""The folders that the user's code imports from."""

from __future__ import annotations

import builtins
import os
import sys

from ..source_folder import source_folder

SOURCES = "src"


def extend_search_path() -> None:
    """Add the folder of the user's code, its packages, and the folder that projects with a `src` layout have their code in."""
    packages = os.path.join(source_folder.path, ".packages")
    sources = os.path.join(source_folder.path, SOURCES)
    # After the standard library and before the packages of an image, as in a virtual environment.
    index = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path[index:index] = [packages, sources] if os.path.isdir(sources) else [packages]
    sys.path.insert(0, source_folder.path)
    if not hasattr(builtins, "exit"):  # without the module `site`, which would add the packages of this machine
        builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]


def module_of(stem: str) -> str:
    """Name the module of a file, relative to the folder and without its extension."""
    module = os.path.normpath(stem).replace("/", ".")
    top, _, rest = module.partition(".")
    package = rest.partition(".")[0]
    # A package in `src` must not be loaded a second time under the name that its own code imports it with.
    is_own = top == SOURCES and "." in rest and has_init(SOURCES, package) and not has_init(SOURCES)
    return rest if is_own else module


def has_init(*folder: str) -> bool:
    """Tell whether a folder is a package."""
    return os.path.isfile(os.path.join(source_folder.path, *folder, "__init__.py"))
