"""What goes wrong because of what was asked or given, not because of a defect."""


class LegmonError(Exception):
    """Says what is wrong and what to do; the command line prints it and ends with `status`.

    Attributes
    ----------
    status : int
        2 where it was asked wrongly or the input was bad, 1 where something went wrong.
    """

    status = 2


class FailedError(LegmonError):
    """Something went wrong that was asked rightly."""

    status = 1
