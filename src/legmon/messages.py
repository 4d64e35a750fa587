"""A sentence for a person, with the code of its closed list: the pages say it in another language by its code."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Said:
    """What is said.

    Parameters
    ----------
    code : str
        Of a closed list; empty for a sentence of none, which stays English everywhere.
    sentence : str
        In English, whole.
    values : mapping of str to float
        The figures in it, by the names that messages have for them.
    """

    code: str
    sentence: str
    values: Mapping[str, float] = field(default_factory=dict)
