"""The worker: the same code as `web` in a process of its own, for what nobody waits for at a page."""
