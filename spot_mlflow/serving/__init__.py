"""Models that carry their holdout with them."""
