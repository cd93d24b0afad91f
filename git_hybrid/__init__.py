"""git hybrid: exact, durable, governed copies of other people's git repositories."""

__version__ = "0.1.0"
