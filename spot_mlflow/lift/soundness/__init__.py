"""Whether the log can be believed: missing outcomes, shares, leaks, wear and harm elsewhere."""
