"""What travels: bytes and their meaning. No I/O, no clock, no chance; time and random numbers are arguments.

Two families of error, after which a verdict is easy to give: `LocalError` when we were misused,
`RemoteError` when the other side broke the rules.
"""

__all__ = ["LocalError", "RemoteError"]


class LocalError(Exception):
    """The caller asked for something that cannot be: a bad argument, a file that is no image."""


class RemoteError(Exception):
    """The other side answered with an error, broke the protocol, or fell silent."""
