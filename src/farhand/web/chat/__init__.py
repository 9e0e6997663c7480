"""The area `chat`: what members of a Support Team say to each other outside sessions (R-073)."""
