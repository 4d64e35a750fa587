"""``python -m legmon`` is ``legmon``."""

from legmon.cli import main

main()
