# Generated from packages/core/src/errors.ts by `npm run wrappers`. Do not edit.
"""Errors that a wrapper can answer with: code to HTTP status and title."""

ERRORS: dict[str, tuple[int, str]] = {
    "MALFORMED_JSON": (400, "Malformed JSON"),
    "INVALID_REQUEST": (400, "Invalid request"),
    "FORBIDDEN": (403, "Insufficient key scope"),
    "NOT_FOUND": (404, "Not found"),
    "BODY_TOO_LARGE": (413, "Request body too large"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported media type"),
    "UPGRADE_REQUIRED": (426, "Another protocol is required"),
    "HEADERS_TOO_LARGE": (431, "Request header fields too large"),
    "FUNCTION_ERROR": (500, "The function threw an error"),
    "INVALID_RESPONSE": (500, "The function returned an invalid response"),
    "FUNCTION_LOAD_FAILED": (502, "The function could not be loaded"),
    "NO_CAPACITY": (503, "No capacity"),
    "REPLICA_CLAIMED": (409, "The replica has a function already"),
    "FUNCTION_TIMEOUT": (504, "The function timed out"),
}
