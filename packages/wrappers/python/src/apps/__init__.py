"""Applications of web frameworks: recognizing them, and the parts that WSGI and ASGI share."""
