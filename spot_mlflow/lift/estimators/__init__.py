"""Two arms compared: differences, ratios and their intervals, one method a file."""
