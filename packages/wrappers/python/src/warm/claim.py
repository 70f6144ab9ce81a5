"""Claims: the function that a warm process becomes."""

from __future__ import annotations

import os
from hashlib import sha256
from json import loads

from ..problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_CLAIM_BYTES = 8 * 2**20


class ClaimedFile:
    """A file, symbolic link or folder of a claim."""

    __slots__ = ("path", "mode", "size", "link")

    def __init__(self, path: str, mode: int, size: int | None = None, link: str | None = None) -> None:
        self.path = path  # below the folder of the claim
        self.mode = mode
        self.size = size  # of a file
        self.link = link  # target of a link


class Claim:
    """The function of a claim."""

    def __init__(self, folder: str, env: dict[str, str], files: list[ClaimedFile], contents: memoryview) -> None:
        self.folder = folder
        self.env = env
        self.files = files
        self.contents = contents  # bytes of all files, one after the other


def read_claim(body: bytes) -> Claim:
    """Read the body of a claim: a line of JSON, then the bytes of its files.

    @throws INVALID_REQUEST
    """
    end = body.find(b"\n")
    contents = memoryview(body)[end + 1 :]
    line = parse_line(body[: max(0, end)])
    folder, env, files = line.get("folder"), line.get("env"), line.get("files")
    if not isinstance(folder, str) or folder != os.path.abspath(folder) or "\0" in folder:
        raise invalid_claim('expected "folder" to be an absolute path')
    if not isinstance(env, dict) or not all(is_variable(*pair) for pair in env.items()):
        raise invalid_claim('expected "env" to have names and texts of variables')
    if not isinstance(files, list):
        raise invalid_claim('expected "files" to be a list')
    claimed = [claimed_file(each) for each in files]
    size = sum(file.size or 0 for file in claimed)
    if size != len(contents):
        raise invalid_claim(f"expected {size} bytes of files, got {len(contents)}")
    digest = f"sha256:{sha256(contents).hexdigest()}"
    if line.get("digest") != digest:
        raise invalid_claim(f"expected files with the digest {line.get('digest')}, got {digest}")
    check_links(claimed)
    return Claim(folder, env, claimed, contents)


def parse_line(text: bytes) -> dict[str, Any]:
    """Parse the first line.

    @throws INVALID_REQUEST
    """
    try:
        line = loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        raise invalid_claim("expected a line with a JSON object")
    return line


def claimed_file(entry: Any) -> ClaimedFile:
    """Read the entry of a file, link or folder.

    @throws INVALID_REQUEST
    """
    if not isinstance(entry, dict):
        raise invalid_claim("expected each file to be an object")
    path, mode, size, link = entry.get("path"), entry.get("mode"), entry.get("size"), entry.get("link")
    if not isinstance(path, str) or not is_inside(path):
        raise invalid_claim(f"the path {path!r} is not allowed")
    if mode is not None and not is_count(mode):
        raise invalid_claim(f"expected a mode for {path}")
    if link is not None:
        if not isinstance(link, str) or not link or "\0" in link:
            raise invalid_claim(f"expected a target for {path}")
        return ClaimedFile(path, 0, link=link)
    if entry.get("type") == "folder":
        return ClaimedFile(path, 0o755 if mode is None else mode)
    if not is_count(size):
        raise invalid_claim(f"expected a size for {path}")
    return ClaimedFile(path, 0o644 if mode is None else mode, size)


def check_links(files: list[ClaimedFile]) -> None:
    """Check that no file is written through a link of the claim, which may lead out of the folder.

    @throws INVALID_REQUEST
    """
    links = tuple(f"{file.path}/" for file in files if file.link is not None)
    for file in files if links else ():
        if file.path.startswith(links):
            raise invalid_claim(f"{file.path} is below a link")


def is_inside(path: str) -> bool:
    """Tell whether a path stays below the folder."""
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def is_variable(name: str, value: Any) -> bool:
    """Tell whether the environment can have a variable."""
    return bool(name) and "=" not in name and "\0" not in name and isinstance(value, str) and "\0" not in value


def is_count(value: Any) -> bool:
    """Tell whether a value of JSON is a whole number, zero or more."""
    return type(value) is int and value >= 0


def invalid_claim(reason: str) -> Problem:
    """Make the problem of a claim that cannot be read."""
    return Problem("INVALID_REQUEST", f"Invalid claim: {reason}")
