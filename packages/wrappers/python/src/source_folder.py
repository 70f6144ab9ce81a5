"""The folder of the wrapper and of the user's code. This part runs before all other imports."""

import os
import sys

FILE = sys._getframe().f_code.co_filename
FOLDER = os.path.dirname(os.path.abspath(FILE))
SEARCH_PATH = sys.path[:]
# A user's file with the name of a standard library module must not hide that module from the imports below.
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != FOLDER]
