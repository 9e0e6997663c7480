"""The floor everything stands on: ids, addresses, clock, log, signing, secrets, sockets, bus, processes.

What belongs here knows nothing of Farhand: no session, no leg, no Jump Item. If a module needs one of those words,
it belongs on a higher floor.
"""
