"""Errors with a sentence for the person: a wrong request, bad input, or something that failed. A defect is none of them."""


class LegmonError(Exception):
    """An error whose message says what is wrong and what to do. The command line prints it and exits with `status`.

    Attributes
    ----------
    status : int
        2 for a wrong request or bad input, 1 where something failed.
    """

    status = 2


class FailedError(LegmonError):
    """The request was right, but something failed."""

    status = 1
