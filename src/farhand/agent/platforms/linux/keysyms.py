"""Keysyms that every kind of desktop needs to know: X11's, as on the input channel, whatever display system runs."""

LEVEL3_KEYSYM = 0xFE03
"""AltGr."""
UNICODE = 0x0100_0000
"""Characters beyond Latin-1 are this + their code point (X11 protocol, appendix A)."""
MAX_KEYSYM = UNICODE + 0x10FFFF
