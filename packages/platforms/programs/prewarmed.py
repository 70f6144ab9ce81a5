"""A started Python that waits for its function and contains nothing of any user
(docs/decisions/0016-prewarmed-processes.md). One line of JSON on file descriptor 3 assigns the function: {folder, env, dataBytes}. If that pipe ends
without a line, the server has ended.

The wrapper that the command line names runs in advance, up to the point where it needs its function: most bundles contain the same one.
"""
import os
import sys

# The function must not import from the folder of this file.
del sys.path[0]

import json
import resource
import types

ASSIGNMENT_FD = 3
WRAPPER = ".interface.py"

main = types.ModuleType("__main__")


def run_ahead(path):
    """Run a wrapper without starting it. Return its source; None for one of a release that starts when it is run."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        if b"FAAS_PREWARMED" not in source:
            return None
        os.environ["FAAS_PREWARMED"] = "1"
        exec(compile(source, WRAPPER, "exec", dont_inherit=True), main.__dict__)
        return source
    except (OSError, SyntaxError, ValueError):
        return None


def read_assignment():
    text = b""
    while not text.endswith(b"\n"):
        chunk = os.read(ASSIGNMENT_FD, 65536)
        if not chunk:
            os._exit(0)
        text += chunk
    return json.loads(text)


sys.modules["__main__"] = main
wrapper_source = run_ahead(sys.argv[1]) if len(sys.argv) > 1 else None
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
wrapper = os.path.join(folder, WRAPPER)
sys.argv[:] = [WRAPPER]
with open(wrapper, "rb") as file:
    source = file.read()
main.__file__ = wrapper
if source == wrapper_source:
    main.start(folder)
else:
    sys.path.insert(0, folder)
    main.__dict__.clear()
    main.__dict__.update(__name__="__main__", __file__=wrapper)
    exec(compile(source, wrapper, "exec", dont_inherit=True), main.__dict__)
