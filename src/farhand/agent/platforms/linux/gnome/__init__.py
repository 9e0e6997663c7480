"""GNOME on Wayland, by the interfaces of its compositor (Mutter) on the session's D-Bus: they ask nobody.

Whoever is to be asked is asked by our own rules before a desktop is opened. `find` says what can be done, `monitors`
reads them, `screen` captures through PipeWire, `input` types and points, `clipboard` exchanges what is copied,
`desktop` fills `Desktop`.
"""
