"""Where a sample belongs in the night: one axis of indices per leg, streams one after another, what is missing included."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a frame that is new: samples `skip` … `skip + count - 1` of it, at index `first` of the night."""

    first: int
    skip: int
    count: int


@dataclass(frozen=True, slots=True)
class Pending:
    """Samples that did not come, and may still: indices `first` … `end - 1` of the night, and why."""

    first: int
    end: int
    cause: str


@dataclass(frozen=True, slots=True)
class _Run:
    """A stream on the axis: the sensor's index `device_first` is index `first` of the night."""

    stream: int
    device_first: int
    first: int


class SampleAxis:
    """Turns a sensor's (stream, index) into one index for the night, and knows what is missing.

    Within a stream the sensor's own count says exactly what is missing. Between streams (the sensor rebooted or was
    started again) it cannot, and the length of the hole comes from arrival times, given by the caller.
    """

    def __init__(self) -> None:
        self.next = 0
        self.pending: tuple[Pending, ...] = ()
        self._runs: tuple[_Run, ...] = ()
        self._is_open = False

    def copy(self) -> "SampleAxis":
        """Return the same axis, to go back to."""
        other = SampleAxis()
        other.next, other.pending = self.next, self.pending
        other._runs, other._is_open = self._runs, self._is_open
        return other

    @property
    def stream(self) -> int | None:
        """The stream that is running."""
        return self._runs[-1].stream if self._is_open else None

    @property
    def last_stream(self) -> int | None:
        """The stream that was recorded last."""
        return self._runs[-1].stream if self._runs else None

    def index(self, stream: int, device: int) -> int | None:
        """Index in the night of a sensor's sample; None for a stream that is not known."""
        run = next((r for r in reversed(self._runs) if r.stream == stream), None)
        if run is None or (run is self._runs[-1] and not self._is_open):
            return None
        near = (
            self.next - run.first + run.device_first
        )  # the count wraps: take the place nearest to the newest sample
        ahead = (device - near) % WRAP
        return self.next + (ahead - WRAP if ahead >= WRAP // 2 else ahead)

    def forget(self) -> None:
        """Take whatever comes next for a new stream."""
        self._is_open = False

    def begin(self, stream: int, device_first: int, at: int) -> None:
        """Begin a stream: the sensor's index `device_first` is index `at` of the night, `next` or later.

        The caller writes down what lies in between.

        Raises
        ------
        ValueError
            If it would begin before the end of what there is.
        """
        if at < self.next:
            raise ValueError(f"a stream cannot begin at {at}: the night has samples up to {self.next}")
        self._runs = (*self._runs, _Run(stream, device_first, at))
        self._is_open = True
        self.next = at

    def place(self, stream: int, first: int, count: int, cause: str) -> list[Piece]:
        """Find what of a frame is new, and count it as received; what is missing before it is pending from now on.

        Parameters
        ----------
        stream, first, count : int
            As the sensor says; `first` wraps at 2**32.
        cause : str
            Why what it leaves out did not come.

        Raises
        ------
        ValueError
            If the stream was not begun.
        """
        at = self.index(stream, first)
        if at is None:
            raise ValueError(f"stream {stream} was not begun")
        end = at + count
        following = self._after(stream)
        if following is not None:  # an old stream ends where the next one begins, whatever its frames say
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
        """Take note that a stream that ended goes on to `device_next`; returns how many samples that adds."""
        at = self.index(stream, device_next)
        if at is None or at <= self.next:
            return 0
        added = at - self.next
        self.pending = (*self.pending, Pending(self.next, at, cause))
        self.next = at
        return added

    def skip(self, to: int) -> int:
        """Move on to an index, past samples that will never come; returns how many."""
        missing = max(to - self.next, 0)
        self.next += missing
        return missing

    def shift(self, missing: int) -> None:
        """Put a hole before what comes next in the running stream, whose count does not know of it.

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
        """Wait no more for a range; returns what of it was pending."""
        given = [
            replace(gap, first=max(first, gap.first), end=min(end, gap.end))
            for gap in self.pending
            if max(first, gap.first) < min(end, gap.end)
        ]
        self._close([(g.first, g.end) for g in given])
        return given

    def give_up_stream(self, stream: int) -> list[Pending]:
        """Wait no more for what a stream so far left out, since its number now means another; returns what of it was pending."""
        ends = [*(r.first for r in self._runs[1:]), self.next]
        ranges = [(r.first, end) for r, end in zip(self._runs, ends, strict=False) if r.stream == stream]
        return [given for first, end in ranges for given in self.give_up(first, end)]

    def oldest_pending(self) -> tuple[int, int, int] | None:
        """Return stream, the sensor's first index, and count of the oldest samples that are pending within one stream."""
        begun = self._runs[0].first if self._runs else self.next
        known = [
            p for p in self.pending if p.first >= begun
        ]  # a damaged recording may not say of which stream
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
        """Go on after a restart of the program.

        Parameters
        ----------
        runs : sequence of (int, int, int)
            Each stream so far: its number, the sensor's index, and the index of the night that this is.
        covered : sequence of (int, int, str)
            First and end of what was recorded or named missing, and why what is missing before it did not come.
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
        """Where the run behind the last one of a stream begins."""
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
