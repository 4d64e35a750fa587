"""A sensor on trial: what arrives, how steady it is, and the card that sums it up."""
