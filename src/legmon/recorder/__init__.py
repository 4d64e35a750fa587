"""The process that runs all night: sensor to recording to movements to catalog."""
