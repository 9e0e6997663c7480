"""Tools of a session, one package per channel kind, each with `make(port) -> Tool` (see `farhand.agent.core.tools`)."""
