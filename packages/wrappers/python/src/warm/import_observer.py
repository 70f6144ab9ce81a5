"""Observation of imports: what they read besides their own files."""

from __future__ import annotations

import sys

from ..options import ENVIRONMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

EVERYTHING = "*"


class ImportObserver:
    """Context in which imports are observed."""

    def __init__(self) -> None:
        self.variables: set[str] = set()  # that were looked up; EVERYTHING: all of them
        self.missing: set[str] = set()  # modules that were tried and do not exist
        self.kind: Any = type(ENVIRONMENT)
        self.methods = self.kind.__getitem__, self.kind.__iter__

    def __enter__(self) -> ImportObserver:
        get_item, iterate = self.methods

        def observed_get_item(environment: Any, name: str) -> str:
            self.variables.add(name)
            return get_item(environment, name)

        def observed_iterate(environment: Any) -> Iterator[str]:
            self.variables.add(EVERYTHING)
            return iterate(environment)

        self.kind.__getitem__, self.kind.__iter__ = observed_get_item, observed_iterate
        sys.meta_path.append(self)
        return self

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Take note of a module that no other finder has found; called by the import system."""
        self.missing.add(name)

    def __exit__(self, *_: object) -> None:
        self.kind.__getitem__, self.kind.__iter__ = self.methods
        sys.meta_path.remove(self)
