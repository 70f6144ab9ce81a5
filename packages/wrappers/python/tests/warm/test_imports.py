"""Imports of a warm process, and the functions that would notice them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from src.warm.claim import Claim, ClaimedFile
from src.warm.imports import ImportsAhead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Stands for a package that looks at a variable and tries a module that may not exist.
PACKAGE = """
import os
os.environ.get("FLASK_SETTING")
try:
    import flask_extra
except ImportError:
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the package; its modules are forgotten."""
    before = set(sys.modules)
    package = tmp_path / ".packages" / "flask"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("flask"):
            del sys.modules[name]


def imported(folder: Path) -> ImportsAhead:
    """Import ahead what a folder has."""
    imports = ImportsAhead(set(sys.modules))
    imports.import_all(str(folder))
    return imports


def claim_of(folder: Path, *paths: str, **env: str) -> Claim:
    """Make a claim of files without contents."""
    return Claim(str(folder), env, [ClaimedFile(path, 0o644, 0) for path in paths], memoryview(b""))


def test_packages_are_imported_without_a_change_of_the_search_path(folder: Path) -> None:
    search_path = sys.path[:]
    imported(folder)
    assert "flask" in sys.modules
    assert sys.path == search_path


def test_other_functions_do_not_notice(folder: Path) -> None:
    claim = claim_of(folder, "main.py", "lib/uuid.py", "src/flask/__init__.py", FAAS_ORG="acme", OWN="1")
    assert not imported(folder).are_noticed_by(claim)


@pytest.mark.parametrize("path", ["flask.py", "flask/__init__.py", "flask_extra.py"])
def test_a_function_with_a_module_of_such_a_name_notices(folder: Path, path: str) -> None:
    assert imported(folder).are_noticed_by(claim_of(folder, "main.py", path))


def test_a_function_with_another_value_of_a_variable_notices(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SETTING", "old")
    imports = imported(folder)
    assert imports.are_noticed_by(claim_of(folder, FLASK_SETTING="new"))
    assert imports.are_noticed_by(claim_of(folder, OPENBLAS_NUM_THREADS="7"))
    assert not imports.are_noticed_by(claim_of(folder, FLASK_SETTING="old"))


def test_a_package_that_copies_the_environment_notices_all_variables(folder: Path) -> None:
    (folder / ".packages" / "flask" / "__init__.py").write_text("import os\ndict(os.environ)")
    assert imported(folder).are_noticed_by(claim_of(folder, OWN="1"))


def test_a_package_that_fails_is_noticed(folder: Path) -> None:
    (folder / ".packages" / "flask" / "__init__.py").write_text("raise ValueError")
    assert imported(folder).are_noticed_by(claim_of(folder, "main.py"))


def test_packages_that_replace_the_standard_library_come_first(folder: Path) -> None:
    (folder / ".packages" / "gevent").mkdir()
    imports = imported(folder)
    assert "flask" not in sys.modules
    assert imports.are_noticed_by(claim_of(folder, "main.py"))


def test_the_environment_is_not_observed_afterwards(folder: Path) -> None:
    imports = imported(folder)
    os.environ.get("LATER")
    assert "LATER" not in imports.observer.variables
    assert "FLASK_SETTING" in imports.observer.variables
