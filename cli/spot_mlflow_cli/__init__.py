"""The ``spot`` command."""
