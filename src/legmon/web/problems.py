"""Rejected requests, as RFC 9457 (application/problem+json) describes them."""

from starlette.exceptions import HTTPException

from legmon.messages import ProblemCode, problem_sentence


class RefusedError(HTTPException):
    """A rejected request.

    Parameters
    ----------
    status : int
        HTTP status code.
    code : ProblemCode
        The reason, for pages in another language.
    parts : object
        What stands in the placeholders of its sentence.
    """

    def __init__(self, status: int, code: ProblemCode, **parts: object) -> None:
        super().__init__(status, problem_sentence(code, **parts))
        self.code = code
