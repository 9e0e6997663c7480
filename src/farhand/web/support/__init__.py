"""Area `support`: session keys, sessions, their legs, what happened in them, and the keys of their recordings."""
