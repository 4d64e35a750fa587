"""The place of a sample in the night: one axis of indices per leg, with all streams one after another and their gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a frame that is new: its samples `skip` … `skip + count - 1`, at index `first` of the night."""

    first: int
    skip: int
    count: int


@dataclass(frozen=True, slots=True)
class Pending:
    """Samples that did not come but still may: indices `first` … `end - 1` of the night, and why."""

    first: int
    end: int
    cause: str


@dataclass(frozen=True, slots=True)
class _Run:
    """A stream on the axis. The sensor's index `device_first` is index `first` of the night."""

    stream: int
    device_first: int
    first: int


class SampleAxis:
    """Turn a sensor's (stream, index) into one index for the night, and track what is missing.

    Within a stream the sensor's own count shows exactly what is missing. Between streams (the sensor rebooted or was started
    again) there is no such count. The caller then computes the length of the gap from arrival times.
    """

    def __init__(self) -> None:
        self.next = 0
        self.pending: tuple[Pending, ...] = ()
        self._runs: tuple[_Run, ...] = ()
        self._is_open = False

    def copy(self) -> "SampleAxis":
        """Return a copy, to go back to if a write fails."""
        other = SampleAxis()
        other.next, other.pending = self.next, self.pending
        other._runs, other._is_open = self._runs, self._is_open
        return other

    @property
    def stream(self) -> int | None:
        """The stream that runs now; None if none does."""
        return self._runs[-1].stream if self._is_open else None

    @property
    def last_stream(self) -> int | None:
        """The stream that was recorded last; None if there was none."""
        return self._runs[-1].stream if self._runs else None

    def index(self, stream: int, device: int) -> int | None:
        """Return the index in the night of a sensor's sample; None for an unknown stream."""
        run = next((r for r in reversed(self._runs) if r.stream == stream), None)
        if run is None or (run is self._runs[-1] and not self._is_open):
            return None
        near = (
            self.next - run.first + run.device_first
        )  # the count wraps: choose the place nearest to the newest sample
        ahead = (device - near) % WRAP
        return self.next + (ahead - WRAP if ahead >= WRAP // 2 else ahead)

    def forget(self) -> None:
        """Treat the next frame as the start of a new stream."""
        self._is_open = False

    def begin(self, stream: int, device_first: int, at: int) -> None:
        """Begin a stream: the sensor's index `device_first` is index `at` of the night, `next` or later.

        The caller records what lies in between.

        Raises
        ------
        ValueError
            If it would begin before the end of the night so far.
        """
        if at < self.next:
            raise ValueError(f"a stream cannot begin at {at}: the night has samples up to {self.next}")
        self._runs = (*self._runs, _Run(stream, device_first, at))
        self._is_open = True
        self.next = at

    def place(self, stream: int, first: int, count: int, cause: str) -> list[Piece]:
        """Return the new parts of a frame, and count them as received. Samples missing before them become pending.

        Parameters
        ----------
        stream, first, count : int
            As the sensor counts. `first` wraps at 2**32.
        cause : str
            Why the samples before it did not come.

        Raises
        ------
        ValueError
            If the stream has not begun.
        """
        at = self.index(stream, first)
        if at is None:
            raise ValueError(f"stream {stream} has not begun")
        end = at + count
        following = self._after(stream)
        if (
            following is not None
        ):  # an old stream ends where the next one begins, even if its frames have a later index
            end = min(end, following)
        pieces = []
        for gap in self.pending:
            low, high = max(at, gap.first), min(end, gap.end)
            if low < high:
                pieces.append(Piece(low, low - at, high - low))
        if pieces:
            self._close([(p.first, p.first + p.count) for p in pieces])
        if end > self.next:
            if at > self.next:
                self.pending = (*self.pending, Pending(self.next, at, cause))
            begin = max(at, self.next)
            pieces.append(Piece(begin, begin - at, end - begin))
            self.next = end
        return pieces

    def await_tail(self, stream: int, device_next: int, cause: str) -> int:
        """Wait for the rest of a stream that ended, up to `device_next`. Return how many samples that adds."""
        at = self.index(stream, device_next)
        if at is None or at <= self.next:
            return 0
        added = at - self.next
        self.pending = (*self.pending, Pending(self.next, at, cause))
        self.next = at
        return added

    def skip(self, to: int) -> int:
        """Move on to an index, past samples that will never come. Return how many they are."""
        missing = max(to - self.next, 0)
        self.next += missing
        return missing

    def shift(self, missing: int) -> None:
        """Insert a gap before the next sample of the running stream, where the sensor's own count has none.

        Raises
        ------
        ValueError
            If no stream is running.
        """
        if not self._is_open:
            raise ValueError("no stream is running")
        run = self._runs[-1]
        self._runs = (*self._runs[:-1], replace(run, first=run.first + missing))
        self.next += missing

    def give_up(self, first: int, end: int) -> list[Pending]:
        """Stop waiting for a range. Return the parts of it that were pending."""
        given = [
            replace(gap, first=max(first, gap.first), end=min(end, gap.end))
            for gap in self.pending
            if max(first, gap.first) < min(end, gap.end)
        ]
        self._close([(g.first, g.end) for g in given])
        return given

    def give_up_stream(self, stream: int) -> list[Pending]:
        """Stop waiting for a stream, because its number now means another one. Return what was pending."""
        ends = [*(r.first for r in self._runs[1:]), self.next]
        ranges = [(r.first, end) for r, end in zip(self._runs, ends, strict=False) if r.stream == stream]
        return [given for first, end in ranges for given in self.give_up(first, end)]

    def oldest_pending(self) -> tuple[int, int, int] | None:
        """Return stream, first sensor index and count of the oldest samples that are pending within one stream; or None."""
        begun = self._runs[0].first if self._runs else self.next
        known = [p for p in self.pending if p.first >= begun]  # a damaged recording may not name their stream
        if not known:
            return None
        gap = min(known, key=lambda p: p.first)
        number = max(k for k, r in enumerate(self._runs) if r.first <= gap.first)
        run = self._runs[number]
        end = gap.end
        if number + 1 < len(self._runs):
            end = min(end, self._runs[number + 1].first)
        return run.stream, (gap.first - run.first + run.device_first) % WRAP, end - gap.first

    def resume(self, runs: Sequence[tuple[int, int, int]], covered: Sequence[tuple[int, int, str]]) -> None:
        """Continue after a restart of the program.

        Parameters
        ----------
        runs : sequence of (int, int, int)
            Each stream so far: its number, a sensor index, and the same sample's index in the night.
        covered : sequence of (int, int, str)
            First and end of each range that is recorded or in a named gap, and why samples missing before it did not come.
        """
        self._runs = tuple(_Run(*r) for r in runs)
        self._is_open = bool(runs)
        at = 0
        for first, end, cause in sorted(covered):
            if first > at:
                self.pending = (*self.pending, Pending(at, first, cause))
            at = max(at, end)
        self.next = at

    def _after(self, stream: int) -> int | None:
        """Return the first index of the run after the last run of a stream; None if there is no later run."""
        number = max(k for k, r in enumerate(self._runs) if r.stream == stream)
        return self._runs[number + 1].first if number + 1 < len(self._runs) else None

    def _close(self, ranges: Sequence[tuple[int, int]]) -> None:
        for low, high in ranges:
            left = []
            for gap in self.pending:
                if high <= gap.first or gap.end <= low:
                    left.append(gap)
                    continue
                if gap.first < low:
                    left.append(replace(gap, end=low))
                if high < gap.end:
                    left.append(replace(gap, first=high))
            self.pending = tuple(left)
