"""What the lift is worth, and whom to contact."""
