"""The trace that a call belongs to (docs/wrapper-protocol.md, "Traces"): times for the gateway, and the parent of the function's own spans."""

from __future__ import annotations

import sys
from time import time

from ..lifecycle import lifecycle
from .call import TIMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .call import Call


def enter_trace(call: Call) -> Callable[[], None] | None:
    """Note when a call begins, if the gateway asks for it, and make its caller's span the present one of OpenTelemetry. Gives what undoes that."""
    headers = call.headers
    if TIMES in headers:
        call.headers = {name: value for name, value in headers.items() if name != TIMES}
        call.traced = time()
    # Without it in use there is nobody to tell.
    if "opentelemetry.context" not in sys.modules:
        return None
    try:
        from opentelemetry import context, propagate  # type: ignore[import-not-found]

        token = context.attach(propagate.extract(headers))
    except Exception:  # of a propagator or a context that the user has configured: the call then has no parent
        return None
    return lambda: context.detach(token)


def times_line(call: Call) -> str:
    """Write the header with the times of a call, whose response begins now, and of loading. Milliseconds since the epoch, and durations."""
    began = call.traced or 0.0
    loading, loaded = lifecycle.loading
    handler = f"handler={began * 1000:.3f}+{max(0.0, time() - began) * 1000:.3f}"
    return f"X-Faas-Trace: {handler},load={loading * 1000:.3f}+{max(0.0, loaded - loading) * 1000:.3f}\r\n"
