"""The nouns: Things, what changes them, and what is told of it. No I/O, no asyncio.

In: bytes of JSON, patches. Out: Things, filters, events. Never: a clock, a socket, a lock.
"""
