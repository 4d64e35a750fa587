"""The rules: from movements to candidates, series and indices."""
