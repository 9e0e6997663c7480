"""The X Window System: what an X server's clients may see and do.

`find` says which display answers (it loads no library), `desktop` fills `Desktop`, `display` opens connections,
`monitors` reads RandR, `screen` captures, `input` types and points by the plans of `keys`.
"""
