"""The state that signals change."""


class Lifecycle:
    """The state of the process. A global, because signals are the process's and every response looks at it."""

    def __init__(self) -> None:
        self.draining = False  # asked to finish: no more connections, and every response closes its own


lifecycle = Lifecycle()
