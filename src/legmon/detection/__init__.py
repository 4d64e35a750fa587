"""From samples to leg movements, in one streaming pass."""
