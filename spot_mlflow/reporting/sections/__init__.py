"""What a report says, section by section; pages only set it."""
