"""How good the detector is: agreement with a known truth, fixed thresholds beside it, and pictures."""
