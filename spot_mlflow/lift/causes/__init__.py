"""Where the lift was lost: the bridge from promised to realized, and which groups differ."""
