"""Reads the file of a closed night back and seals it; from then on nobody writes to it."""

import contextlib
import logging

from legmon.catalog.store import Catalog
from legmon.recording.segment import RecordingError, verify

log = logging.getLogger(__name__)


def seal_next(catalog: Catalog) -> None:
    """Verify one file that no one has verified yet, if there is one; one that cannot be read is left for the next start."""
    found = catalog.unsealed()
    if found is None:
        return
    night, leg = found
    path = catalog.segment(night, leg)
    digest: str | None
    try:
        digest = verify(path)
    except RecordingError as e:
        log.error("night %s, %s leg: %s", night, leg, e)  # noqa: TRY400 (no traceback: it says all)
        digest = "" if e.errno is None else None
    if digest:
        with contextlib.suppress(OSError):  # some cards have no permissions
            path.chmod(0o400)
    catalog.seal(night, leg, digest)
