"""The program on the endpoint: the Jump Client on unattended machines, the customer client on attended ones.

`core` knows identity, links, legs and sessions; `tools` serve channels; `customer` talks to the person in front of the
machine; `platforms` hides what differs between operating systems. It imports nothing above `protocol`, and only a small
set of libraries, because every one of them is installed on every endpoint.
"""
