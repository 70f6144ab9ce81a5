"""A started Python that waits for its function and contains nothing of any user
(docs/decisions/0016-prewarmed-processes.md). One line of JSON on file descriptor 3 assigns the function: {folder, env, dataBytes}. If that pipe ends
without a line, the server has ended.

The modules that the wrapper imports are imported in advance. The wrapper that the command line names is compiled in advance: most bundles contain the
same one.
"""
import os
import sys

# The function must not import from the folder of this file.
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

ASSIGNMENT_FD = 3


def compile_file(path):
    """Return source and code of a file; None if it cannot be read or compiled."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        return source, compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None


def with_path(code, path):
    """Return code as if it had been compiled from another file."""
    constants = tuple(with_path(each, path) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=path, co_consts=constants)


def read_assignment():
    text = b""
    while not text.endswith(b"\n"):
        chunk = os.read(ASSIGNMENT_FD, 65536)
        if not chunk:
            os._exit(0)
        text += chunk
    return json.loads(text)


compiled = compile_file(sys.argv[1]) if len(sys.argv) > 1 else None
assignment = read_assignment()
os.close(ASSIGNMENT_FD)
folder = assignment["folder"]
if assignment.get("dataBytes"):
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (assignment["dataBytes"],) * 2)
    except (OSError, ValueError):
        pass  # A lower limit applies already.
os.chdir(folder)
os.environ.clear()
os.environ.update(assignment["env"])
if sys.version_info >= (3, 13) and "PYTHON_CPU_COUNT" in os.environ:
    # Python reads this variable when it starts, before the assignment is known.
    cpu_count = int(os.environ["PYTHON_CPU_COUNT"])
    os.cpu_count = os.process_cpu_count = lambda: cpu_count
sys.pycache_prefix = assignment["env"].get("PYTHONPYCACHEPREFIX")
wrapper = os.path.join(folder, ".interface.py")
sys.argv[:] = [".interface.py"]
sys.path.insert(0, folder)
main = types.ModuleType("__main__")
main.__file__ = wrapper
sys.modules["__main__"] = main
with open(wrapper, "rb") as file:
    source = file.read()
if compiled and compiled[0] == source:
    code = with_path(compiled[1], wrapper)
else:
    code = compile(source, wrapper, "exec", dont_inherit=True)
exec(code, main.__dict__)
