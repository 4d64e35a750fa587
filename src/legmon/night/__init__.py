"""One night: from records to scored movements on a clock."""
