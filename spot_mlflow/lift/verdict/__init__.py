"""Whether the promise was kept, and before launch: when will one know."""
