"""The recording: append-only files of records with checksums. Everything else is computed from it."""
