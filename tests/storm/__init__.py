"""A night of faults: all that can go wrong between an ankle and a disk, and the night compared with what was measured.

``uv run python -m tests.storm --help``
"""
