"""One night: from records to movements on a clock, scored."""
