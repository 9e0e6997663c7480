"""Area and face `reports`: what happened in sessions, and their recordings.

Pages below /login/reports, data for the players below /reports. Rules: what happened is read here and never changed;
playing, downloading and exporting a recording write audit rows; what a person may see is asked of `decide` for
every request. The area's own table holds what the verification of recordings found; with what lies in `reports/` of the
data folder it can be made again from the recordings at any time.
"""
