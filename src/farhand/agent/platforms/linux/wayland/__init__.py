"""What all Wayland compositors share: the wire, the interfaces that are spoken here, and which compositor answers.

`wire` is a client of the protocol without a library, `interfaces` its vocabulary, `find` says who answers (it is asked
often and loads nothing more).
"""
