"""The faces `/login`, `/appliance` and `/claim`: pages only, no decisions."""
