"""Random numbers: one root seed, and a separate random stream for everything that draws.

A stream belongs to a name. So a new disturbance in a scenario, or more draws for one, leaves everything else as it was.
With one version of numpy the draws are the same on every machine; a test pins them.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """Return the generator of the stream `name` of the root `seed`. `numbers` distinguish its events or blocks."""
    sequence = np.random.SeedSequence([seed, crc32(name.encode("ascii"))], spawn_key=numbers)
    return np.random.Generator(np.random.PCG64(sequence))
