"""What goes wrong because of what was asked or given, not because of a defect."""


class LegmonError(Exception):
    """Says what is wrong and what to do; the command line prints it and ends with status 2."""
