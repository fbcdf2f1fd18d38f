"""The incident console for Python job stacks."""

__version__ = "0.1.0"
