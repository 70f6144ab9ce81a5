"""Responses, made from what the function returned or raised."""

from __future__ import annotations

from ..function.content_encoding import ACCEPTED_ENCODINGS
from ..json_encoder import encoder, to_json
from ..options import ENVIRONMENT
from ..problem import Problem, invalid_response
from ..process_exit import exit_as_asked
from ..user_error import explained, log_error
from .content_encoding import encoding_of, with_head, without_missing_encoding
from .response_head import has_body, response_head
from .streams import UnsentStream, as_stream
from .tokens import CONTROL, TOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..function.call import Call
    from .response_head import Headers

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
RESPONSE_KEYS = frozenset(("status", "headers", "body"))
FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive", "x-request-id"))


class Response:
    """Bytes for one write and, when the response is streamed, an iterator of the rest."""

    __slots__ = ("data", "stream")

    def __init__(self, data: bytes, stream: Any = None) -> None:
        self.data = data
        self.stream = stream


def to_response(call: Call, result: Any) -> Response:
    """Make the response to a call from what the function returned.

    @throws INVALID_RESPONSE
    """
    status: int | None = None
    headers: Headers = ()
    body = result
    if isinstance(result, dict):
        if is_full_response(result):
            status, body = result["status"], result.get("body")
            headers = checked_headers(result.get("headers") or {})
        elif "statusCode" in result:
            check_not_lambda(result)
    if body is None:
        return complete_response(call, status or 204, None, headers, b"")
    encoding = encoding_of(headers) if headers else None
    if encoding:
        stream = as_stream(body)
        if stream is None:
            headers = without_missing_encoding(headers, encoding, body)
        else:
            body = stream
    if isinstance(body, str):
        return complete_response(call, status or 200, TEXT, headers, body.encode("utf-8", "replace"))
    if isinstance(body, (bytes, bytearray, memoryview)):
        return complete_response(call, status or 200, BYTES, headers, bytes(body))
    stream = None if type(body) is dict else as_stream(body)
    if stream is None:
        return complete_response(call, status or 200, JSON, headers, to_json(body).encode())
    status = status or 200
    call.keep_alive &= not call.http10  # HTTP/1.0 has no chunks: the end of the connection is the end of the body
    framing = "" if call.http10 or status in (204, 304) else "Transfer-Encoding: chunked\r\n"
    if encoding and has_body(call, status):
        return encoded_stream(call, status, headers, encoding, framing, stream)
    head = response_head(call, status, BYTES, headers, framing)
    return Response(head, stream if has_body(call, status) else UnsentStream(stream))


def encoded_stream(call: Call, status: int, headers: Headers, encoding: str, framing: str, stream: Any) -> Response:
    """Make a streamed response whose head waits for the first piece, which shows whether it has the Content-Encoding of the headers."""

    def make_head(first: Any) -> bytes:
        return response_head(call, status, BYTES, without_missing_encoding(headers, encoding, first), framing)

    return Response(b"", with_head(stream, make_head))


def is_full_response(result: dict[Any, Any]) -> bool:
    """Tell whether a dict is `{status, headers?, body?}` with an integer status and no other key.

    @throws INVALID_RESPONSE
    """
    status = result.get("status")
    if type(status) is not int or not result.keys() <= RESPONSE_KEYS:
        return False
    if not 200 <= status <= 599:
        raise invalid_response(f'Expected "status" to be from 200 to 599, got {status}')
    return True


def check_not_lambda(result: dict[Any, Any]) -> None:
    """Refuse the response of a Lambda function where the signature is not known to be another one: as JSON it would look like a success.

    @throws INVALID_RESPONSE
    """
    if type(result["statusCode"]) is int and not ENVIRONMENT.get("FAAS_SIGNATURE"):
        raise invalid_response(
            'The function returned an object with "statusCode", as functions of AWS Lambda do. '
            "Deploy it with --signature lambda, or with --signature faas to send the object as JSON"
        )


def checked_headers(headers: Any) -> list[tuple[str, str]]:
    """Give pairs of the function's headers that can be sent. How the body is framed is not for the function to say.

    @throws INVALID_RESPONSE
    """
    try:
        items = [(str(name), value) for name, value in headers.items()]
    except AttributeError:
        raise invalid_response(f'Expected "headers" to be a dict, got {type(headers).__name__}') from None
    pairs = []
    for name, value in items:
        if not TOKEN.match(name):
            raise invalid_response(f"The function returned a header that cannot be sent: {name!r} is not a header name")
        if name.lower() in FRAMING and (name.lower(), value) != ("connection", "close"):
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if each is None:
                continue
            text = str(each)
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                raise unsendable_header(name, text) from None
            if CONTROL.search(text):
                raise unsendable_header(name, text)
            pairs.append((name, text))
    return pairs


def unsendable_header(name: str, value: str) -> Problem:
    """Make the problem of a header whose value has characters that a header cannot carry."""
    return invalid_response(f"The function returned a header that cannot be sent: {name}: {value!r}")


def complete_response(call: Call, status: int, content_type: str | None, headers: Headers, body: bytes) -> Response:
    """Make a response whose length is known; it is one write."""
    framing = "" if status in (204, 304) else f"Content-Length: {len(body)}\r\n"
    head = response_head(call, status, content_type, headers, framing)
    return Response(head + body if has_body(call, status) else head)


def problem_response(call: Call, problem: Problem) -> Response:
    """Make the response that carries a problem document."""
    document = {
        "type": f"urn:faas:error:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": str(problem),
        "code": problem.code,
        "requestId": call.request_id,
    }
    headers: Headers = ()
    if problem.status == 503:
        headers = (("Retry-After", "1"),)
    elif problem.status == 415:
        headers = (("Accept-Encoding", ACCEPTED_ENCODINGS),)
    body = encoder.encode(document).encode("utf-8", "replace")
    return complete_response(call, problem.status, "application/problem+json", headers, body)


def error_response(call: Call, error: BaseException) -> Response:
    """Make the response to an error raised while the function ran. An error of the user's code is logged with its stack."""
    if isinstance(error, SystemExit):
        exit_as_asked(error, f"in request {call.request_id}")
    if not isinstance(error, Problem):
        log_error(error, call.request_id)
        error = Problem("FUNCTION_ERROR", explained(error))
    return problem_response(call, error)
