"""Where chance comes from: one root seed, and a stream of its own for everything that draws.

A stream belongs to a name, so that adding one disturbance to a scenario, or drawing more for it, leaves everything else as
it was. With one version of numpy the draws are the same on every machine; a test pins them.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """Generator of the child stream `name` of the root `seed`; `numbers` tell its events or blocks apart."""
    sequence = np.random.SeedSequence([seed, crc32(name.encode("ascii"))], spawn_key=numbers)
    return np.random.Generator(np.random.PCG64(sequence))
