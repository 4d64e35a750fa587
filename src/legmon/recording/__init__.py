"""The recording, which is the truth: append-only files of checked records."""
