"""What is refused over HTTP: a closed list of codes, which go with the English sentence (RFC 9457)."""

from enum import StrEnum

from starlette.exceptions import HTTPException


class Code(StrEnum):
    """Codes, as `Problem.code` has them."""

    NO_SUCH_NIGHT = "no_such_night"
    NO_SUCH_MOVEMENT = "no_such_movement"
    NO_SAMPLES = "no_samples"
    WRONG_WINDOW = "wrong_window"
    WRONG_STEPS = "wrong_steps"
    NOTHING_SENT = "nothing_sent"
    WRONG_LIGHTS = "wrong_lights"
    ASKED_WRONGLY = "asked_wrongly"
    SENSOR_NOT_NEAR = "sensor_not_near"
    RECORDING = "recording"
    NOT_FOUND = "not_found"
    DEFECT = "defect"
    NOT_HERE = "not_here"


class RefusedError(HTTPException):
    """A request that is refused.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : Code
        Why, for a page that speaks another language.
    detail : str
        Why, and what to do, in English.
    """

    def __init__(self, status: int, code: Code, detail: str) -> None:
        super().__init__(status, detail)
        self.code = code
