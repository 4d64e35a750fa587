"""Rejected requests, as RFC 9457 (application/problem+json) describes them."""

from starlette.exceptions import HTTPException

from legmon.messages import ProblemCode


class RefusedError(HTTPException):
    """A rejected request.

    Parameters
    ----------
    status : int
        HTTP status code.
    code : ProblemCode
        The reason, for pages in another language.
    detail : str
        The reason, and what to do, in English.
    """

    def __init__(self, status: int, code: ProblemCode, detail: str) -> None:
        super().__init__(status, detail)
        self.code = code
