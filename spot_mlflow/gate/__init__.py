"""The gate: what each target requires, and the decision whether a version meets it; pure."""
