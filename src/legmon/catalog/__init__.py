"""The catalog: the list of nights, the results for each, and the desired state of the recorder."""
