"""Functions whose platform gives them the request of Flask."""

from __future__ import annotations

from ..problem import load_failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FLASK_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def make_flask_app(file_name: str, package: str, view: Callable[[], Any]) -> Any:
    """Make a Flask application that answers every path with a view. The package is one that brings Flask.

    @throws FUNCTION_LOAD_FAILED without Flask
    """
    try:
        import flask  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise load_failed(
            f"{file_name}: the function takes a request of Flask. Add {package} to requirements.txt"
        ) from None
    app = flask.Flask(file_name.partition(".")[0])
    # An error is answered with the problem of an error in a function, not with Flask's page.
    app.config["PROPAGATE_EXCEPTIONS"] = True

    def run(path: str = "") -> Any:
        return view()

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=run, methods=FLASK_METHODS, provide_automatic_options=False)
    return app


def fission_app(target: Any, file_name: str) -> Any:
    """Make an application of `main()`, which reads `flask.request`."""

    def view() -> Any:
        result = target()
        return "" if result is None else result

    return make_flask_app(file_name, "flask", view)
