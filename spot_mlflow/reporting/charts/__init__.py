"""The pictures; one a file, from the figures that the words are made of."""
