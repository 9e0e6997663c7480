"""The `farhand` command: the only place that wires programs together; an administrator's way in without a browser."""
