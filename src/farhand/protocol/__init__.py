"""The live protocol, without input or output: frames, channels, messages, and the state machines that speak them.

Everything here turns bytes into values and values into bytes or decisions. No sockets, no clocks of its own, no
asyncio: relay, agent and tests drive it. `docs/protocol/` describes each channel for those who write another client.
"""
