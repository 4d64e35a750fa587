"""Run ``legmon`` as ``python -m legmon``."""

from legmon.cli import main

main()
