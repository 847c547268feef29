"""Errors that are the user's to mend."""

from __future__ import annotations


class RunError(Exception):
    """Says what is wrong, where, and what to do."""
