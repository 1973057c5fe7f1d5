"""What the server trusts: its key, its memory, its policy, and who is asking."""
