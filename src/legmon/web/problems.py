"""A request that is refused, as RFC 9457 (application/problem+json) describes it."""

from starlette.exceptions import HTTPException

from legmon.messages import ProblemCode


class RefusedError(HTTPException):
    """A request that is refused.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : ProblemCode
        Why, for a page that speaks another language.
    detail : str
        Why, and what to do, in English.
    """

    def __init__(self, status: int, code: ProblemCode, detail: str) -> None:
        super().__init__(status, detail)
        self.code = code
