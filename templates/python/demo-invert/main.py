"""The original system's workload: inverts a random size x size matrix (100, or `size` in the JSON body)."""
import time

import numpy as np


def handler(event, context):
    size = (event["body"] or {}).get("size", 100)
    started = time.perf_counter()
    inverse = np.linalg.inv(np.random.rand(size, size))
    return {"size": size, "checksum": inverse.sum(), "ms": (time.perf_counter() - started) * 1000}
