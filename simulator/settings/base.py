"""The base of everything a scenario file can say."""

import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from simulator.settings.wording import listed, near_miss

T = TypeVar("T")
NO_SUCH_KEY = "there is no such key"
Many = Annotated[tuple[T, ...], Strict(False)]
"""A tuple that a YAML list may fill."""


def _from_the_file(path: str, info: ValidationInfo) -> str:
    return os.path.abspath(os.path.join((info.context or {}).get("folder", ""), os.path.expanduser(path)))


LocalPath = Annotated[str, AfterValidator(_from_the_file)]
"""A file or folder, made absolute: it is relative to the folder of the scenario file that names it."""


_FOLDER = re.compile(r"[^\W_]([\w .+()-]*[\w+)])?")


def _usable(name: str) -> str:
    if not _FOLDER.fullmatch(name) or len(name) > 64 or name.isdecimal():
        raise ValueError(
            "it names a folder: it must start with a letter or digit, hold only letters, digits, spaces and "
            "_ . + - ( ), not only digits, and at most 64 of them"
        )
    return name


FolderName = Annotated[str, AfterValidator(_usable)]
"""A name by which a folder is called, on every system."""


class Settings(BaseModel):
    """Frozen settings: what a file does not know is refused, and nothing is converted silently (`"3"` and `true` are no
    numbers)."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        # Before the fields: a misspelt key is then not reported a second time as a missing one.
        if isinstance(data, dict):
            refuse_unknown(data, cls.model_fields)
        return data


def refuse_unknown(data: dict[str, Any], known: Iterable[str], hints: dict[str, str] | None = None) -> None:
    """Raises an error for each key of `data` that is not in `known`, naming the near miss, or the hint for that key."""
    known = list(known)
    unknown = [key for key in data if key not in known]
    if unknown:
        raise invalid(
            ((key,), data[key], f"{NO_SUCH_KEY}{(hints or {}).get(key) or near_miss(key, known)}", listed(known))
            for key in unknown
        )


def invalid(problems: Iterable[tuple[tuple[str | int, ...], Any, str, str | None]]) -> ValidationError:
    """Makes one error of several (where, value, problem, what is allowed); validators raise it."""
    return ValidationError.from_exception_data(
        "settings",
        [
            InitErrorDetails(
                type=PydanticCustomError("problem", "{problem}", {"problem": problem, "allowed": allowed}),
                loc=where,
                input=value,
            )
            for where, value, problem, allowed in problems
        ],
    )
