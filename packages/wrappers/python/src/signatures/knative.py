"""Functions for Knative: `main(context)`, and instances of a class with `handle(scope, receive, send)`."""

from __future__ import annotations

from ..options import ENVIRONMENT
from ..user_error import log_error
from .cloud_event import attributes_of, binary_message
from .flask_function import make_flask_app

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class KnativeContext(dict):  # type: ignore[type-arg]
    """Argument of `main(context)`: `context.request` and `context.cloud_event`, or as items."""

    def __init__(self, request: Any, cloud_event: Any) -> None:
        super().__init__(request=request)
        self.request = request
        self.cloud_event = cloud_event
        if cloud_event is not None:
            self["cloud_event"] = cloud_event


def knative_app(target: Any, file_name: str) -> Any:
    """Make an application of `main(context)`."""

    def view() -> Any:
        import flask  # type: ignore[import-not-found,unused-ignore]

        result = target(KnativeContext(flask.request, received_event(flask.request)))
        event = attributes_of(result)
        if event is None:
            return "" if result is None else result
        message = binary_message(*event)
        return message["body"], message["status"], message["headers"]

    return make_flask_app(file_name, "parliament-functions", view)


def received_event(request: Any) -> Any:
    """Give the CloudEvent of a request, of the class in the CloudEvents SDK; None without one."""
    if "ce-id" not in request.headers and not (request.content_type or "").startswith("application/cloudevents"):
        return None
    try:
        from cloudevents.http import from_http  # type: ignore[import-not-found,unused-ignore]

        return from_http(request.headers, request.get_data())
    except Exception as error:
        log_error(error)
        return None


def knative_instance_app(function: Any) -> Any:
    """Make an ASGI application of an instance that `new()` has made. Its `start(settings)` and `stop()` run with the replica."""

    async def run(name: str, *arguments: Any) -> None:
        method = getattr(function, name, None)
        result: Any = method(*arguments) if method else None
        if hasattr(result, "__await__"):
            await result

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await function.handle(scope, receive, send)
            return
        await receive()
        await run("start", dict(ENVIRONMENT))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await run("stop")
        await send({"type": "lifespan.shutdown.complete"})

    return app
