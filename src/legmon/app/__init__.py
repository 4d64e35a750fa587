"""Start what `run`, `demo` and `replay` need: the processes, the evening, and the demo's past nights."""
