"""Area and face `reports`: what happened in sessions, and their recordings. It has no tables of its own.

Pages below /login/reports, data for the players below /reports. Rules: everything is read here and nothing is
changed, except that playing or downloading a recording writes an audit row; what a person may see is asked of
`decide` for every request.
"""
