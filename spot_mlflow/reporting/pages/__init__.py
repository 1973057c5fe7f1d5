"""Whole pages: reports, cards, the portfolio, and the same as lines for a terminal."""
