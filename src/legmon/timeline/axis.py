"""Where a sample belongs in the night: one axis of indices per leg, holes included."""

from dataclasses import dataclass

WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Placed:
    """What a frame adds to the axis.

    Parameters
    ----------
    first : int
        Index in the night of the first new sample.
    skip : int
        Samples at the start of the frame that were received before.
    missing : int
        Samples between the last one and this frame that never came.
    new_stream : bool
        Whether the sensor started a new stream: its time has to be fitted anew.
    """

    first: int
    skip: int
    missing: int
    new_stream: bool


class SampleAxis:
    """Turns a sensor's (stream, index) into one index for the night.

    Within a stream the sensor's own count says exactly what is missing. Between streams (the sensor rebooted or was
    started again) it cannot, and the length of the hole comes from arrival times, given by the caller.
    """

    def __init__(self) -> None:
        self.next = 0
        self._stream: int | None = None
        self._expected = 0

    @property
    def stream(self) -> int | None:
        """The stream that is running."""
        return self._stream

    def ahead(self, stream: int, first: int) -> int:
        """How far ahead of what is expected a frame of the running stream begins; negative behind it, 0 in a new stream."""
        if stream != self._stream:
            return 0
        ahead = (first - self._expected) % WRAP
        return ahead - WRAP if ahead >= WRAP // 2 else ahead

    def forget(self) -> None:
        """Take whatever comes next for a new stream."""
        self._stream = None

    def place(self, stream: int, first: int, count: int, *, if_new: int = 0) -> Placed:
        """Find the place of a frame and advance.

        Parameters
        ----------
        stream, first, count : int
            As the sensor says; `first` wraps at 2**32.
        if_new : int
            Index in the night at which a new stream begins, going by arrival time; never earlier than what is
            recorded already.
        """
        if stream != self._stream:
            starts = max(if_new, self.next)
            missing = starts - self.next
            self._stream, self._expected = stream, (first + count) % WRAP
            self.next = starts + count
            return Placed(starts, 0, missing, new_stream=True)
        ahead = (first - self._expected) % WRAP
        if ahead >= WRAP // 2:  # starts before what we expect: some or all of it came before
            skip = min(WRAP - ahead, count)
            at = self.next
            self.next += count - skip
            self._expected = (self._expected + count - skip) % WRAP
            return Placed(at, skip, 0, new_stream=False)
        at = self.next + ahead
        self.next = at + count
        self._expected = (first + count) % WRAP
        return Placed(at, 0, ahead, new_stream=False)

    def resume(self, stream: int, expected: int, at: int) -> None:
        """Go on with a stream after a restart of the program.

        Parameters
        ----------
        stream, expected : int
            The running stream and the sensor's index of the next sample.
        at : int
            Its index in the night.
        """
        self._stream, self._expected, self.next = stream, expected % WRAP, at
