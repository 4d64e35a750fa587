"""What `run`, `demo` and `replay` start: the processes, the evening, and the demo's past nights."""
