"""Compositors that speak wlroots' protocols (sway and its relatives): they let every program see and act.

`find` says what can be done, `desktop` fills `Desktop`, `outputs` lays the monitors out as one picture, `screen`
captures, `input` types by the keymap of `keymap` and points, `clipboard` exchanges text.
"""
