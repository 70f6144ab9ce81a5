"""ASGI applications (https://asgi.readthedocs.io)."""
