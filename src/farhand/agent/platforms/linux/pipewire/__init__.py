"""Pictures of a PipeWire node: how GNOME, and portals, hand out a screen.

`find` says whether the library is there, `library` speaks to it, `pod` reads and writes the values that are negotiated,
`metas` reads what is told beside a picture, `stream` receives one node, `screen` makes a `ScreenSource` of several.
"""
