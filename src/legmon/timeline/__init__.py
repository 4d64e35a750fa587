"""Turn a sensor's count of samples into true times and named gaps."""
