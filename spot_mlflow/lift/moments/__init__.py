"""An outcome log reduced to sums: the seam between engines and statistics."""
