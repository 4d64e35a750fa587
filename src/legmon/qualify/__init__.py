"""Try a sensor: collect its frames, measure how steady it is, and summarise the results in a card."""
