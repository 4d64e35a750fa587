"""What is enough for a night: of a signal, of a battery, of room on the disk. The doctor, the pages and the recorder go by it."""

WEAK_DBM = -80
"""A signal below this may be lost behind a body."""
LOW_PERCENT = 20
"""A cell that has less at bedtime may not last until morning."""
NEEDED_BYTES, ROOMY_BYTES = 200_000_000, 1_000_000_000
"""Room on the disk: less is no night of two legs, since sensors may be fast and other programs write, too; more is no matter."""
