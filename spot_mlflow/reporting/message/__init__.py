"""What is said first: verdict and lift, cause, worth, and what is asked of the reader."""
