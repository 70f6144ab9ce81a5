"""Finding the function, and how to call it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from src.function import load
from src.function.load import find_handler, load_message
from src.function.signature import arity, is_async
from src.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that functions are looked for in."""
    monkeypatch.setattr(load, "FOLDER", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("files", "setting", "found"),
    [
        (["main.py", "index.py"], None, ("main.py", "main", "")),
        (["app/__init__.py"], None, ("app/__init__.py", "app", "")),
        (["src/app.py"], "src/app.run", ("src/app.py", "src.app", "run")),
        (["src/app.py"], "src.app.run", ("src/app.py", "src.app", "run")),
    ],
)
def test_finds_the_file(folder: Path, files: list[str], setting: str | None, found: tuple[str, str, str]) -> None:
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    assert find_handler(setting) == found


@pytest.mark.parametrize(("setting", "tried"), [(None, "main.py, handler.py"), ("a.b.run", "a.b.py, a/b.py")])
def test_names_the_files_that_it_looked_for(folder: Path, setting: str | None, tried: str) -> None:
    with pytest.raises(Problem, match=tried) as raised:
        find_handler(setting)
    assert (raised.value.code, raised.value.status) == ("FUNCTION_LOAD_FAILED", 502)


def test_a_missing_package_is_named_with_advice() -> None:
    error = ModuleNotFoundError("No module named 'a.b'", name="a.b")
    assert load_message(error) == "No module named 'a.b' (to install it, add a to requirements.txt)"


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
