"""Functions for AWS Lambda behind API Gateway or a function URL."""

from __future__ import annotations

import base64
import re
from time import gmtime, monotonic, strftime, time

from ..apps.address import client_of, target_of
from ..function.body import from_json
from ..function.query import parse_query
from ..function.signature import arity, is_async
from ..json_encoder import to_json
from ..options import ENVIRONMENT, settings
from ..problem import invalid_response
from ..source_folder import source_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..function.call import Call

LAMBDA_VERSION = "$LATEST"
LAMBDA_MEMORY_MB = "256"
# Content types whose bodies API Gateway sends as text; it encodes all others in base64.
LAMBDA_TEXT_TYPE = re.compile(
    r"\s*(?:text/|application/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|\Z))", re.I
)


def set_lambda_environment() -> None:
    """Set the variables that code for AWS Lambda reads. Variables that the user has set win."""
    _, endpoint, revision = settings.identity
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": endpoint,
        "AWS_LAMBDA_FUNCTION_VERSION": LAMBDA_VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_limit(),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{endpoint}",
        "AWS_LAMBDA_LOG_STREAM_NAME": revision,
        "LAMBDA_TASK_ROOT": source_folder.path,
        "_HANDLER": ENVIRONMENT.get("FAAS_HANDLER") or "lambda_function.lambda_handler",
    }
    for name, value in variables.items():
        ENVIRONMENT.setdefault(name, value)


def memory_limit() -> str:
    """Read the memory limit of the cgroup in MB."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                limit = int(file.read())
        except (OSError, ValueError):
            continue
        if 0 < limit < 1 << 40:
            return str(limit >> 20)
    return LAMBDA_MEMORY_MB


def adapt_lambda(target: Callable[..., Any]) -> Any:
    """Make a Lambda function one that takes a call."""
    set_lambda_environment()
    count = arity(target)

    def handle(call: Call) -> Any:
        body = call.decoded_body()
        return lambda_result(target(*(lambda_event(call, body), LambdaContext(call))[:count]))

    async def handle_async(call: Call) -> Any:
        body = call.decoded_body()
        return lambda_result(await target(*(lambda_event(call, body), LambdaContext(call))[:count]))

    adapted: Any = handle_async if is_async(target) else handle
    adapted.takes_call = True
    return adapted


def lambda_event(call: Call, body: bytes) -> dict[str, Any]:
    """Make the event of API Gateway's payload format 2.0, with `httpMethod` and `path` of format 1.0.

    Without a content type, a body is text if it is UTF-8.
    """
    headers = dict(call.headers)
    path, query = target_of(call)
    now = time()
    domain = headers.get("host", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": settings.identity[1],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": call.method,
                "path": path,
                "protocol": "HTTP/1.0" if call.http10 else "HTTP/1.1",
                "sourceIp": client_of(call.headers),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": call.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
        "httpMethod": call.method,
        "path": path,
    }
    if "cookie" in headers:
        event["cookies"] = re.split("; *", headers["cookie"])
    if query:
        parameters = parse_query(query)
        event["queryStringParameters"] = {
            key: ",".join(value) if isinstance(value, list) else value for key, value in parameters.items()
        }
    if body:
        event["body"], event["isBase64Encoded"] = lambda_body(body, headers.get("content-type"))
    return event


def lambda_body(body: bytes, content_type: str | None) -> tuple[str, bool]:
    """Give a body as text, or in base64 with True."""
    if content_type is None or LAMBDA_TEXT_TYPE.match(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            if content_type is not None:
                return body.decode("utf-8", "replace"), False
    return base64.b64encode(body).decode(), True


class LambdaContext:
    """Context of a call in AWS Lambda."""

    function_version = LAMBDA_VERSION
    client_context = None
    identity = None

    def __init__(self, call: Call) -> None:
        region = ENVIRONMENT.get("AWS_REGION") or ENVIRONMENT.get("AWS_DEFAULT_REGION") or "local"
        self.aws_request_id = call.request_id
        self.function_name = ENVIRONMENT["AWS_LAMBDA_FUNCTION_NAME"]
        self.invoked_function_arn = f"arn:aws:lambda:{region}:000000000000:function:{self.function_name}"
        self.memory_limit_in_mb = ENVIRONMENT["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = ENVIRONMENT["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = ENVIRONMENT["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._ends = call.deadline

    def get_remaining_time_in_millis(self) -> int:
        """Give the time until the deadline of the call."""
        return max(0, int((self._ends - monotonic()) * 1000))

    def log(self, message: Any) -> None:
        """Write a message to stdout."""
        print(message, flush=True)


def lambda_result(value: Any) -> dict[str, Any]:
    """Convert the result of a Lambda function to that of a handler, as API Gateway interprets it: without `statusCode` it is the body, of type JSON.

    @throws INVALID_RESPONSE
    """
    if not isinstance(value, dict) or "statusCode" not in value:
        text = value if isinstance(value, str) else to_json(value)
        return {"status": 200, "headers": {"Content-Type": "application/json"}, "body": text}
    headers: dict[str, Any] = {}
    for name, each in (value.get("headers") or {}).items():
        if each is not None:
            headers[name.lower()] = lambda_text(each)
    for name, values in (value.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = [lambda_text(each) for each in values]
    if value.get("cookies"):
        before = headers.get("set-cookie", [])
        headers["set-cookie"] = [*([before] if isinstance(before, str) else before), *value["cookies"]]
    body: Any = value.get("body")
    if body is None:
        body = b""
    elif value.get("isBase64Encoded"):
        body = base64.b64decode(body)
    elif isinstance(body, (dict, list)):
        raise invalid_response(f'Expected "body" to be a str, got a {type(body).__name__}: use json.dumps')
    elif not isinstance(body, (str, bytes)):
        body = lambda_text(body)
    if not body:
        body = b""
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    return {"status": lambda_status(value["statusCode"]), "headers": headers, "body": body}


def lambda_text(value: Any) -> str:
    """Give the text of a header's value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def lambda_status(value: Any) -> int:
    """Check a status, which may be text.

    @throws INVALID_RESPONSE
    """
    try:
        status = from_json(value) if isinstance(value, str) else int(value)
    except (ValueError, TypeError):
        status = 0
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise invalid_response(f'Expected "statusCode" to be from 200 to 599, got {value!r}')
    return status
