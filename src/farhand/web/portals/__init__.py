"""Public portals (sites): under which names they answer, and what each shows to customers."""
