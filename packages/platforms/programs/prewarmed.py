"""A Python that has started and waits for the one function that it is to run; nothing of any user is in it
(docs/decisions/0016-prewarmed-processes.md). One line of JSON on file descriptor 3 says which: {folder, env, dataBytes}. The end of that pipe
without a line: the server is gone.

What the wrapper imports is imported, and the wrapper that the command line names is compiled: the same file is in most bundles.
"""
import os
import sys

# The folder of this file is none to import from.
del sys.path[0]

import gc  # noqa: F401
import json
import re  # noqa: F401
import resource
import select  # noqa: F401
import selectors  # noqa: F401
import signal  # noqa: F401
import socket  # noqa: F401
import threading  # noqa: F401
import types

ORDERS = 3


def compiled(path):
    """Source and code of the wrapper; None where it cannot be read or compiled."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        return source, compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None


def at(code, path):
    """The same code, as if it had been compiled from another file."""
    constants = tuple(at(each, path) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=path, co_consts=constants)


def order():
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(ORDERS, 65536)
        if not piece:
            os._exit(0)
        text += piece
    return json.loads(text)


known = compiled(sys.argv[1]) if len(sys.argv) > 1 else None
it = order()
os.close(ORDERS)
folder = it["folder"]
if it.get("dataBytes"):
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (it["dataBytes"],) * 2)
    except (OSError, ValueError):
        pass  # A lower one is in force.
os.chdir(folder)
os.environ.clear()
os.environ.update(it["env"])
sys.pycache_prefix = it["env"].get("PYTHONPYCACHEPREFIX")
wrapper = os.path.join(folder, ".interface.py")
sys.argv[:] = [".interface.py"]
sys.path.insert(0, folder)
main = types.ModuleType("__main__")
main.__file__ = wrapper
sys.modules["__main__"] = main
with open(wrapper, "rb") as opened:
    text = opened.read()
code = at(known[1], wrapper) if known and known[0] == text else compile(text, wrapper, "exec", dont_inherit=True)
exec(code, main.__dict__)
