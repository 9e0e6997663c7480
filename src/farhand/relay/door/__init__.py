"""The front door: HTTP of the public port, bounded and fair, handed to `web`. It knows nothing of the live plane, which
it only hands connections to.
"""
