"""Calling a plain function."""

from __future__ import annotations

from time import monotonic

from ..function.call import is_traced
from ..http.response import error_response, to_response
from ..http.streams import UnsentStream, encode_end, encode_piece
from ..options import settings
from ..output_tags import current_call
from ..process_exit import exit_as_asked
from ..user_error import log_error
from .background_loop import from_background, in_background

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ..function.call import Call
    from ..http.response import Response

    class CallInvoker(Protocol):
        """Runs calls on the present thread: of a plain function, or of a WSGI application."""

        def run(self, call: Call) -> None: ...


class Invoker:
    """Calls a plain function on the present thread, and answers."""

    def __init__(self, handler: Any, arity: int) -> None:
        self.handler = handler
        self.arity = arity

    def run(self, call: Call) -> None:
        """Run one call to the end of its response. Raises nothing."""
        if settings.tags_output:
            current_call.set(call.request_id)
        leave_trace = None
        if "traceparent" in call.headers and is_traced(call):
            from ..function.trace import enter_trace

            leave_trace = enter_trace(call)
        try:
            result = self.handler(*call.arguments(self.arity))
            if hasattr(result, "__await__"):
                result = in_background(result)
            response = to_response(call, result)
        except BaseException as error:
            response = error_response(call, error)
        if response.stream is not None:
            call.begin_stream()
        if not call.claim():
            self.close(response.stream)
        elif call.streaming:
            self.stream(call, response)
        else:
            call.connection.deliver(call, response)
        if leave_trace is not None:
            leave_trace()

    def stream(self, call: Call, response: Response) -> None:
        """Send a response piece by piece, as fast as the client takes it. An error cuts the connection."""
        connection, stream = call.connection, response.stream
        try:
            connection.write_all(response.data)
            if not isinstance(stream, UnsentStream):
                for piece in stream if hasattr(stream, "__next__") else from_background(stream):
                    data = encode_piece(call, piece)
                    if data:
                        connection.write_all(data)
                        call.progress = monotonic()
                    if connection.gone:
                        break
                else:
                    connection.write_all(encode_end(call))
        except BaseException as error:
            if isinstance(error, SystemExit):
                exit_as_asked(error, f"in request {call.request_id}")
            log_error(error, call.request_id)
            connection.cut()
        finally:
            self.close(stream)
            connection.finish(call)

    def close(self, stream: Any) -> None:
        """Let a generator that was not run to its end clean up."""
        try:
            if hasattr(stream, "aclose"):
                in_background(stream.aclose())
            elif hasattr(stream, "close"):
                stream.close()
        except Exception as error:
            log_error(error)
