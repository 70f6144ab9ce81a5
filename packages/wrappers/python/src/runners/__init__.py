"""Running the function: on threads, on the loop's own thread, or on asyncio's event loop."""
