"""Writing the files of a claim."""

from __future__ import annotations

import os

from ..problem import load_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .claim import Claim, ClaimedFile

# Bits of a mode that permit writing.
WRITABLE = 0o222


def write_files(claim: Claim) -> None:
    """Write the files of a claim, which replace existing ones, without permission to write to them.

    @throws FUNCTION_LOAD_FAILED
    """
    folders = CreatedFolders(claim.folder)
    begin = 0
    file = None
    try:
        for file in claim.files:
            end = begin + (file.size or 0)
            write_file(file, claim.contents[begin:end], folders)
            begin = end
        folders.protect()
    except OSError as error:
        raise load_failed(f"Cannot write {file.path if file else claim.folder}: {error.strerror}") from None


def write_file(file: ClaimedFile, contents: memoryview, folders: CreatedFolders) -> None:
    """Write one file, link or folder. Raises OSError."""
    path = os.path.join(folders.root, file.path)
    folders.create(os.path.dirname(path))
    link = file.link
    if link is not None:
        replace_file(path, lambda: os.symlink(link, path))
    elif file.size is None:
        folders.create(path, file.mode)
    else:
        replace_file(path, lambda: write_new(path, file.mode & ~WRITABLE, contents))


class CreatedFolders:
    """The folders that a claim has created."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.modes: dict[str, int | None] = {root: None}  # by path; None for those that existed

    def create(self, path: str, mode: int = 0o755) -> None:
        """Create a folder below the root, unless it exists. Raises OSError."""
        if path in self.modes:
            return
        self.create(os.path.dirname(path))
        try:
            os.mkdir(path)
            self.modes[path] = mode
        except FileExistsError:
            self.modes[path] = None

    def protect(self) -> None:
        """Remove the permission to write to the created folders. Raises OSError."""
        for path, mode in self.modes.items():
            if mode is not None:
                os.chmod(path, mode & ~WRITABLE)


def replace_file(path: str, create: Callable[[], None]) -> None:
    """Create a file that must not exist, after removing one that does: it may be read-only, or a link to somewhere else. Raises OSError."""
    try:
        create()
    except FileExistsError:
        os.unlink(path)
        create()


def write_new(path: str, mode: int, contents: memoryview) -> None:
    """Write a file that does not exist. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        while contents:
            contents = contents[os.write(fd, contents) :]
    finally:
        os.close(fd)
