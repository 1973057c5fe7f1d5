"""The files of a version: where they lie, what they are, and that they stay as approved."""
