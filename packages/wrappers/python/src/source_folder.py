"""The folder of the user's code, in which the wrapper is. This part runs before all other imports."""

import os
import sys

FILE = sys._getframe().f_code.co_filename


class SourceFolder:
    """The folder of the user's code."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.search_path = sys.path[:]  # as Python has set it

    def hide(self) -> None:
        """Take the folder out of the search path: a user's file with the name of a standard library module must not hide that module from the wrapper."""
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != self.path]

    def move(self, path: str) -> None:
        """Use another folder. A prewarmed process gets its folder later than this file."""
        self.path = path
        self.search_path = [path, *sys.path]


source_folder = SourceFolder(os.path.dirname(os.path.abspath(FILE)))
source_folder.hide()
