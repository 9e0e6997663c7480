"""The customer client: asks the person in front of the machine, shows what is done, lets them end it at any time.

`program` is what happens; `ui` says what a face must do, with a scripted one for tests; `window` (Tk) and `terminal`
are the faces for people. The face has the main thread, the program another one.
"""
