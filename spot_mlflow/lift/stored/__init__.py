"""What a record may keep of a log, and what changed between two checks."""
