"""Whether the recommendations were acted on."""
