"""From a sensor's count of samples to true time and named gaps."""
