"""Advice for an import of a package that is not installed."""

from __future__ import annotations

import os
import sys

from ..source_folder import source_folder

MANIFESTS = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg")


def package_advice(module: str) -> str:
    """Tell what to add to which file; nothing for a module of the user's own or of the standard library."""
    top = module.partition(".")[0]
    is_own = any(
        os.path.exists(os.path.join(source_folder.path, folder, file))
        for folder in ("", "src")
        for file in (top, f"{top}.py")
    )
    if is_own or top.startswith("_") or top in getattr(sys, "stdlib_module_names", ()):
        return ""
    manifest = next(
        (file for file in MANIFESTS if os.path.exists(os.path.join(source_folder.path, file))), MANIFESTS[0]
    )
    name = distribution_of(top)
    return f': add "{name}" to {manifest}' if name else f": add the package that contains it to {manifest}"


def distribution_of(module: str) -> str:
    """Name the package that contains a module; nothing when there are several. Most have the module's own name."""
    return {
        "attr": "attrs",
        "azure": "",
        "bs4": "beautifulsoup4",
        "bson": "pymongo",
        "corsheaders": "django-cors-headers",
        "Crypto": "pycryptodome",
        "cv2": "opencv-python-headless",
        "dateutil": "python-dateutil",
        "decouple": "python-decouple",
        "discord": "discord.py",
        "dns": "dnspython",
        "docx": "python-docx",
        "dotenv": "python-dotenv",
        "engineio": "python-engineio",
        "environ": "django-environ",
        "faiss": "faiss-cpu",
        "fitz": "PyMuPDF",
        "git": "GitPython",
        "github": "PyGithub",
        "gitlab": "python-gitlab",
        "google": "",
        "googleapiclient": "google-api-python-client",
        "jose": "python-jose",
        "jwt": "PyJWT",
        "kafka": "kafka-python",
        "ldap": "python-ldap",
        "magic": "python-magic",
        "markdown_it": "markdown-it-py",
        "memcache": "python-memcached",
        "mpl_toolkits": "matplotlib",
        "multipart": "python-multipart",
        "mysql": "mysql-connector-python",
        "MySQLdb": "mysqlclient",
        "nacl": "PyNaCl",
        "OpenSSL": "pyOpenSSL",
        "PIL": "Pillow",
        "pkg_resources": "setuptools",
        "pptx": "python-pptx",
        "psycopg2": "psycopg2-binary",
        "pylab": "matplotlib",
        "pythonjsonlogger": "python-json-logger",
        "rest_framework": "djangorestframework",
        "serial": "pyserial",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "slugify": "python-slugify",
        "socketio": "python-socketio",
        "telegram": "python-telegram-bot",
        "umap": "umap-learn",
        "usb": "pyusb",
        "websocket": "websocket-client",
        "yaml": "PyYAML",
        "zmq": "pyzmq",
    }.get(module, module)
