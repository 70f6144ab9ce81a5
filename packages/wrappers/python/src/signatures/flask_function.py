"""Functions whose platform gives them a request of Flask: as an argument, in a context, or as `flask.request`."""

from __future__ import annotations

from ..problem import load_failed
from ..user_error import log_error
from .cloud_event import attributes_of, binary_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FLASK_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def make_flask_app(file_name: str, view: Callable[[], Any]) -> Any:
    """Make a Flask application that answers every path with a view.

    @throws FUNCTION_LOAD_FAILED without the package
    """
    try:
        import flask  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise load_failed(
            f"{file_name}: the function takes a request of Flask. Add flask to requirements.txt"
        ) from None
    app = flask.Flask(file_name.partition(".")[0])
    # An error is answered with the problem of an error in a function, not with Flask's page.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, "run", lambda path="": view(), methods=FLASK_METHODS, strict_slashes=False)
    return app


def request_app(target: Any, file_name: str, signature: str) -> Any:
    """Make an application of a function that takes the request, or takes nothing and reads `flask.request`."""
    takes_request = signature != "fission"

    def view() -> Any:
        import flask

        result = target(flask.request._get_current_object()) if takes_request else target()
        return "" if result is None else result

    return make_flask_app(file_name, view)


def knative_app(target: Any, file_name: str) -> Any:
    """Make an application of `main(context)`, whose context has `request` and `cloud_event`."""

    def view() -> Any:
        import flask
        from parliament import Context  # type: ignore[import-not-found,unused-ignore]

        context = Context(flask.request)
        context.cloud_event = received_event(flask.request)
        result = target(context)
        event = attributes_of(result)
        if event is None:
            return "" if result is None else result
        message = binary_message(*event)
        return message["body"], message["status"], message["headers"]

    return make_flask_app(file_name, view)


def received_event(request: Any) -> Any:
    """Give the CloudEvent of a request, of the class in the CloudEvents SDK; None without one."""
    if request.method != "POST" or not (
        "ce-id" in request.headers or (request.content_type or "").startswith("application/cloudevents")
    ):
        return None
    from cloudevents.http import from_http  # type: ignore[import-not-found,unused-ignore]

    try:
        return from_http(request.headers, request.get_data())
    except Exception as error:
        log_error(error)
        return None
