"""The portal of a Wayland desktop (org.freedesktop.portal.RemoteDesktop and ScreenCast): the way on desktops that have
neither GNOME's nor wlroots' own.

It asks whoever sits there by a dialog of the desktop's own, after our own consent; where an answer may last, a token
that the portal gives (`token`) brings the session back without a dialog. `find` says what can be done, `dialogue` knows
what is asked in which order, `open` asks it, `session` is what was agreed to, shared by all sessions of a client,
`screen` and `input` use it, `desktop` fills `Desktop`.
"""
