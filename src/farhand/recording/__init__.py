"""Recordings, without input or output: bytes in, bytes out.

`format` says how a segment file looks, `writer` makes one, `index` finds its records, `reader` verifies and plays it,
`cast` turns shells into asciicast and text, `keys` wraps the data keys. No file and no socket is opened here: the
relay writes, `web` and the command line read. `docs/protocol/recording.md` describes the format for those who write
another verifier.
"""
