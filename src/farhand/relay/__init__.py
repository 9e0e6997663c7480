"""The live plane: the public port, every long-lived connection, streams, journals and recordings.

One asyncio program, unprivileged. It opens no database, starts no program and decides nothing that `rules` decides:
what it must know comes over the bus, and it applies it to every frame.
"""
