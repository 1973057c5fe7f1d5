"""What holds a verdict back: each kind with its numbers, and its sentence."""
