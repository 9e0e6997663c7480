"""The live plane: links of agents, legs of sessions, event sockets of consoles, journals and recordings."""
