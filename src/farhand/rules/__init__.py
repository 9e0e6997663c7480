"""Pure decisions: who may do what, how queues move, which keys are safe. Same answer for the same arguments, always.

No Django, no event loop, no sockets, no clock of its own: everything a rule needs is an argument.
"""
