"""The realized lift: which estimator a log calls for, its figures, rows and course."""
