"""The catalog: which nights there are, what was found in them, what is wanted."""
