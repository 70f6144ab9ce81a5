"""Finding the function, and how to call it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from src.function.load import find_handler, load_message
from src.function.signature import arity, is_async
from src.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that functions are looked for in."""
    monkeypatch.setattr("src.source_folder.source_folder.path", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("files", "setting", "found"),
    [
        (["main.py", "index.py"], None, ("main.py", "main", "")),
        (["app/__init__.py"], None, ("app/__init__.py", "app", "")),
        (["src/app.py"], "src/app.run", ("src/app.py", "src.app", "run")),
        (["src/app.py"], "src.app.run", ("src/app.py", "src.app", "run")),
        (["src/app.py"], None, ("src/app.py", "src.app", "")),
        (["src/own/__init__.py", "src/own/main.py"], "own.main.run", ("src/own/main.py", "own.main", "run")),
        (["src/own/__init__.py", "src/own/main.py"], "src/own/main.run", ("src/own/main.py", "own.main", "run")),
        (["src/__init__.py", "src/a/__init__.py", "src/a/b.py"], "src.a.b.run", ("src/a/b.py", "src.a.b", "run")),
    ],
)
def test_finds_the_file(folder: Path, files: list[str], setting: str | None, found: tuple[str, str, str]) -> None:
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True, parents=True)
        (folder / file).touch()
    assert find_handler(setting) == found


@pytest.mark.parametrize(("setting", "tried"), [(None, "main.py, handler.py"), ("a.b.run", "a.b.py, a/b.py")])
def test_names_the_files_that_it_looked_for(folder: Path, setting: str | None, tried: str) -> None:
    with pytest.raises(Problem, match=tried) as raised:
        find_handler(setting)
    assert (raised.value.code, raised.value.status) == ("FUNCTION_LOAD_FAILED", 502)


@pytest.mark.parametrize(
    ("module", "files", "advice"),
    [
        ("other.part", [], ': add "other" to requirements.txt'),
        ("yaml", ["pyproject.toml"], ': add "PyYAML" to pyproject.toml'),
        ("cv2", ["requirements.txt", "pyproject.toml"], ': add "opencv-python-headless" to requirements.txt'),
        ("google", [], ": add the package that contains it to requirements.txt"),
        ("own.part", ["src/own/__init__.py"], ""),
        ("own", ["own.py"], ""),
        ("_sqlite3", [], ""),
    ],
)
def test_a_missing_package_is_named_with_advice(folder: Path, module: str, files: list[str], advice: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True, parents=True)
        (folder / file).touch()
    message = f"No module named '{module}'"
    assert load_message(ModuleNotFoundError(message, name=module)) == message + advice


def test_messages_have_the_users_own_paths(folder: Path) -> None:
    error = FileNotFoundError(2, "No such file or directory", str(folder / "data" / "x.csv"))
    assert load_message(error) == "[Errno 2] No such file or directory: 'data/x.csv'"


class Object:
    """Handlers that are not functions."""

    def method(self, event: Any) -> None: ...

    def __call__(self, event: Any) -> None: ...


class AsyncObject:
    """An async handler that is an object."""

    async def __call__(self, event: Any, context: Any) -> None: ...


async def async_function(event: Any) -> None: ...


async def async_generator(event: Any) -> Any:
    yield event


@pytest.mark.parametrize(
    ("handler", "count", "runs_async"),
    [
        (lambda: 1, 0, False),
        (lambda event: 1, 1, False),
        (lambda event, context, more=1: 1, 2, False),
        (lambda *arguments: 1, 2, False),
        (Object().method, 1, False),
        (Object(), 1, False),
        (AsyncObject(), 2, True),
        (async_function, 1, True),
        (async_generator, 1, True),
        (functools.partial(async_function), 1, True),
        (functools.partial(lambda a, event: 1, 1), 1, False),
        (print, 2, False),
    ],
)
def test_tells_how_a_function_is_called(handler: Any, count: int, runs_async: bool) -> None:
    assert (arity(handler), is_async(handler)) == (count, runs_async)
