"""What a page, a command or an export needs of a night."""
