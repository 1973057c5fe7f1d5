"""Speed and memory, measured as ratios against a baseline named in the same run."""
