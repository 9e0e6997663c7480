"""How long the relay takes to stop, said once: whoever stops it must have more patience than it needs.

Why it exists: the supervisor kills what does not end in time. A relay that is killed while it drains cuts answers off
and leaves a recording without its seal.
"""

from typing import Final

LEAVE_S: Final = 2.0
"""For live sockets to go after they were told to."""
DRAIN_S: Final = 10.0
"""For answers that are due to be finished."""
STOPS_WITHIN_S: Final = LEAVE_S + DRAIN_S + 3.0
"""All of it, with what waits for the disk."""
