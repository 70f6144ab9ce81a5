"""Imports of a warm process before it has a function."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from ..options import ENVIRONMENT
from .import_observer import EVERYTHING, ImportObserver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .claim import Claim

# Modules of the standard library that functions and their packages import most, with all that these import.
COMMON_MODULES = (
    "asyncio",
    "dataclasses",
    "datetime",
    "decimal",
    "http.client",
    "importlib.metadata",
    "logging",
    "pathlib",
    "tempfile",
    "traceback",
    "typing",
    "urllib.request",
    "uuid",
)
# Packages that take long to import, and do nothing else when they are imported.
COMMON_PACKAGES = ("fastapi", "flask", "httpx", "jinja2", "numpy", "pandas", "pydantic", "requests", "starlette")
# Variables of libraries in C, whose reading is not observed.
LIBRARY_VARIABLES = ("ARROW_", "BLIS_", "GOTO_", "KMP_", "MKL_", "NPY_", "NUMEXPR_", "OMP_", "OPENBLAS_")
# Packages that replace parts of the standard library, which must not have been imported by then.
PATCHING_PACKAGES = ("eventlet", "gevent")


class ImportsAhead:
    """The modules that a warm process imports ahead, and whether a function would notice."""

    def __init__(self, present: Collection[str]) -> None:
        self.present = present  # names of modules that every wrapper imports
        self.observer = ImportObserver()
        self.failed = False

    def import_all(self, folder: str | None) -> None:
        """Import what most functions need, also of the packages in a folder, and the parts of the wrapper for applications."""
        with self.observer:
            for name in COMMON_MODULES:
                try:
                    import_module(name)
                except ImportError:
                    pass  # an interpreter without it, such as one without OpenSSL
            if folder and not patches(folder):
                self.import_packages(os.path.join(folder, ".packages"))
        from ..apps.recognize import find_app  # noqa: F401
        from ..asgi.connection import AsgiConnection  # noqa: F401
        from ..asgi.runner import AsgiRunner  # noqa: F401
        from ..signatures.adapt import adapt_signature  # noqa: F401
        from ..wsgi.invoker import WsgiInvoker  # noqa: F401

    def import_packages(self, packages: str) -> None:
        """Import the packages of a folder that bear it."""
        search_path = sys.path[:]
        # As for the function.
        index = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
        sys.path.insert(index, packages)
        try:
            for name in COMMON_PACKAGES:
                if os.path.isdir(os.path.join(packages, name)):
                    import_module(name)
        except Exception:
            self.failed = True  # what it has left behind is not known
        sys.path[:] = search_path

    def are_noticed_by(self, claim: Claim) -> bool:
        """Tell whether a function would behave otherwise without them; before its variables are set.

        Its own files come first in the search path, so it would get its own module of such a name.
        """
        if self.failed or patches(claim.folder):
            return True
        read = self.observer.variables
        for name, value in claim.env.items():
            if ENVIRONMENT.get(name) != value and (
                name in read or EVERYTHING in read or name.startswith(LIBRARY_VARIABLES)
            ):
                return True
        own = {file.path.partition("/")[0].partition(".")[0] for file in claim.files}
        ahead = self.observer.missing.union(sys.modules).difference(self.present)
        return any(name.partition(".")[0] in own for name in ahead)


def patches(folder: str) -> bool:
    """Tell whether the packages in a folder may replace parts of the standard library."""
    return any(os.path.isdir(os.path.join(folder, ".packages", name)) for name in PATCHING_PACKAGES)
