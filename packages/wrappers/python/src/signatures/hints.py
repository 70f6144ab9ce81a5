"""Hints that a function is for another platform, which are cheap to look for at each start."""

from __future__ import annotations

import sys

from ..options import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Names of exports and files that only other platforms use.
FOREIGN_NAMES = ("lambda_handler", "handle", "new")
FOREIGN_FILES = ("lambda_function", "func")
# Packages that a function for another platform imports.
FOREIGN_PACKAGES = ("functions_framework", "parliament", "aws_lambda_powertools", "mangum", "flask")
# Fields of events and contexts that only AWS Lambda has, and the status of its responses.
LAMBDA_FIELDS = frozenset(
    (
        "rawPath",
        "rawQueryString",
        "requestContext",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "isBase64Encoded",
        "httpMethod",
        "routeKey",
        "stageVariables",
        "aws_request_id",
        "get_remaining_time_in_millis",
        "invoked_function_arn",
        "memory_limit_in_mb",
        "log_stream_name",
        "log_group_name",
        "statusCode",
    )
)


def may_be_foreign(target: Any, name: str | None) -> bool:
    """Tell whether a closer look at an export is needed: it may be for another platform. None: no export was found."""
    if settings.signature:
        return settings.signature != "faas"
    if name in ("app", "application"):
        return "functions_framework" in sys.modules
    if name is None or name in FOREIGN_NAMES or any(package in sys.modules for package in FOREIGN_PACKAGES):
        return True
    code = getattr(target, "__code__", None)
    return code is None or not LAMBDA_FIELDS.isdisjoint(words_of(code))


def words_of(code: Any) -> set[str]:
    """Collect the attributes and strings that a function uses, also in functions inside of it."""
    words = set(code.co_names)
    waiting = list(code.co_consts)
    for value in waiting:
        if isinstance(value, str):
            words.add(value)
        elif isinstance(value, tuple):
            waiting += value
        elif hasattr(value, "co_consts"):
            words.update(value.co_names)
            waiting += value.co_consts
    return words
