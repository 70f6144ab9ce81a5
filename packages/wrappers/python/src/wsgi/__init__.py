"""WSGI applications (PEP 3333)."""
