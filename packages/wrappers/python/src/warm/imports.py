"""Imports of a warm process before it has a function."""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .claim import ClaimedFile

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
# Packages that replace parts of the standard library, which must not have been imported by then.
PATCHING_PACKAGES = ("eventlet", "gevent")


def import_ahead() -> None:
    """Import what most functions need, and the parts of the wrapper for those that are not plain ones."""
    for name in COMMON_MODULES:
        try:
            import_module(name)
        except ImportError:
            pass  # an interpreter without it, such as one without OpenSSL
    from ..apps.recognize import find_app  # noqa: F401
    from ..asgi.connection import AsgiConnection  # noqa: F401
    from ..asgi.runner import AsgiRunner  # noqa: F401
    from ..signatures.adapt import adapt_signature  # noqa: F401
    from ..wsgi.invoker import WsgiInvoker  # noqa: F401


def forget_ahead(folder: str, files: list[ClaimedFile], kept: Collection[str]) -> None:
    """Forget what was imported ahead, except for the modules `kept`, where that would show.

    The function's own files come first in the search path: without the imports ahead it would get its own module of such a name.
    """
    ahead = set(sys.modules).difference(kept)
    own = {file.path.partition("/")[0].partition(".")[0] for file in files}
    hides = not own.isdisjoint(name.partition(".")[0] for name in ahead)
    if hides or any(os.path.isdir(os.path.join(folder, ".packages", name)) for name in PATCHING_PACKAGES):
        for name in ahead:
            del sys.modules[name]
