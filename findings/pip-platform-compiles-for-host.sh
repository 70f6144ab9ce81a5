#!/usr/bin/env bash
# With --platform, pip installs a local package that it has compiled for this machine.
#
# Versions: PyPI pip 26.3, setuptools 84.2.1
# Guess:    pip install --platform manylinux2014_s390x --only-binary=:all: ./package fails, as it does for a package of an index without a wheel for
#           that platform: --platform says "only use wheels compatible with <platform>", and --only-binary "do not use source packages".
# Seen:     pip builds the folder, and installs a library for this machine's CPU and Python without a warning. It also evaluates the condition of a
#           requirement for this machine: platform_machine == "s390x" is false with --platform manylinux2014_s390x.
# Matters:  the installed folder looks complete; the function fails on the other platform when it imports the package.
# Source:   pip's documentation, "pip install", options --platform and --only-binary; dependency specifiers (PEP 508), "Environment Markers".
# Needs:    bash, Python 3.11 or later with its headers, a C compiler, Linux on another CPU than s390x
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check pip==26.3 setuptools==84.2.1

mkdir "$tmp/native" "$tmp/conditional"
cat > "$tmp/native/setup.py" <<'EOF'
from setuptools import Extension, setup
setup(name="native", version="1.0", ext_modules=[Extension("native", ["native.c"])])
EOF
cat > "$tmp/native/native.c" <<'EOF'
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", 0, -1, 0};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
EOF
cat > "$tmp/conditional/setup.py" <<'EOF'
from setuptools import setup
setup(name="conditional", version="1.0", py_modules=["conditional"])
EOF
touch "$tmp/conditional/conditional.py"
{
  echo "$tmp/native"
  echo "conditional @ file://$tmp/conditional ; platform_machine == 's390x'"
} > "$tmp/requirements.txt"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check --no-build-isolation --no-index --platform manylinux2014_s390x --python-version 3.12 \
  --only-binary=:all: --target "$tmp/target" -r "$tmp/requirements.txt"
python3 - "$tmp/target" > "$tmp/seen" <<'EOF'
import pathlib, sys

folder = pathlib.Path(sys.argv[1])
(library,) = folder.glob("native*.so")
machine = int.from_bytes(library.read_bytes()[18:20], "little")
print("library for s390x:", machine == 22 or machine == 22 << 8)
print("conditional package:", (folder / "conditional.py").exists())
EOF
cat > "$tmp/recorded" <<'EOF'
library for s390x: False
conditional package: False
EOF
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
