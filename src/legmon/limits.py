"""What a night needs: signal strength, battery and disk space. The doctor, the pages and the recorder share these limits."""

WEAK_DBM = -80
"""A weaker signal may be lost behind a body."""
LOW_PERCENT = 20
"""A battery with less at bedtime may not last until morning."""
NEEDED_BYTES, ROOMY_BYTES = 200_000_000, 1_000_000_000
"""Free disk space. Below the first value a night of two legs may not fit. Above the second there is nothing to report."""
