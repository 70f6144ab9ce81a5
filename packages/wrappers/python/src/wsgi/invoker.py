"""Calling a WSGI application."""

from __future__ import annotations

from ..function.call import is_traced
from ..http.response import error_response
from ..options import settings
from ..output_tags import current_call
from ..process_exit import exit_as_asked
from ..user_error import log_error
from .environ import make_environ
from .response import Unsendable, WsgiResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call


class WsgiInvoker:
    """Calls a WSGI application on the present thread, and answers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def run(self, call: Call) -> None:
        """Run one call to the end of its response. Raises nothing."""
        if settings.tags_output:
            current_call.set(call.request_id)
        leave_trace = None
        if "traceparent" in call.headers and is_traced(call):
            from ..function.trace import enter_trace

            leave_trace = enter_trace(call)
        response = WsgiResponse(call)
        pieces = None
        try:
            pieces = self.app(make_environ(call), response.start)
            response.send(pieces)
        except Unsendable:
            if response.begun:
                call.connection.cut()
        except BaseException as error:
            self.fail(response, error)
        try:
            if hasattr(pieces, "close"):
                pieces.close()  # type: ignore[union-attr]
        except Exception as error:
            log_error(error, call.request_id)
        if response.begun:
            call.connection.finish(call)
        if leave_trace is not None:
            leave_trace()

    def fail(self, response: WsgiResponse, error: BaseException) -> None:
        """Answer with the problem, or cut a response that has begun."""
        call = response.call
        if not response.begun:
            answer = error_response(call, error)
            if call.claim():
                response.begun = True
                call.connection.write(answer.data)
            return
        if isinstance(error, SystemExit):
            exit_as_asked(error, f"in request {call.request_id}")
        log_error(error, call.request_id)
        call.connection.cut()
