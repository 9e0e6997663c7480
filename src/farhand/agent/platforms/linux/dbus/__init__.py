"""The session's D-Bus, by which GNOME and portals are spoken to: a connection, and input as both take it.

Rules: knows nothing of GNOME or portals; a connection belongs to one thread at a time.
"""
