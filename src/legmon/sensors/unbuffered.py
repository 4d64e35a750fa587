"""What a sensor answers that keeps nothing of what it sent."""

from legmon.sensors.base import Held, Steps


class Unbuffered:
    """The part of a conversation that asks for lost samples."""

    def held(self, stream: int) -> Steps[Held | None]:  # noqa: ARG002
        """Nothing is held."""
        yield from ()
        return None

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:  # noqa: ARG002
        """Nothing is held."""
        yield from ()
        return 0
