"""The base class and the field types of all settings that a file can give."""

import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from simulator.settings.wording import listed, near_miss

T = TypeVar("T")
CASE = "\0"
"""What the tag of one of several forms of a value begins with: it is no key, and no message has it."""
NO_SUCH_KEY = "there is no such key"
Many = Annotated[tuple[T, ...], Strict(False)]
"""A tuple that is written as a YAML list."""


LONGEST_PATH, LONGEST_NAME = 4095, 255
"""Of a path, and of each name in it, in bytes; those of Linux, which are the longest."""


def absolute(path: str, info: ValidationInfo) -> str:
    """Return a path made absolute; what is relative starts at the folder of the file that is validated.

    Raises:
        ValueError: no file can have this path.
    """
    path = os.path.abspath(os.path.join((info.context or {}).get("folder", ""), os.path.expanduser(path)))
    if "\0" in path:
        raise ValueError("no path has a character 0 in it")
    if (
        len(os.fsencode(path)) > LONGEST_PATH
        or max(len(os.fsencode(name)) for name in path.split(os.sep)) > LONGEST_NAME
    ):
        raise ValueError(
            f"no file has such a path: it is at most {LONGEST_PATH} bytes long, and each name in it {LONGEST_NAME}"
        )
    return path


LocalPath = Annotated[str, AfterValidator(absolute)]
"""The path of a file or folder, made absolute; what is relative starts at the folder of the file that names it."""


_FOLDER = re.compile(r"[^\W_]([\w .+()-]*[\w+)])?")


def is_folder_name(name: str) -> bool:
    """Return whether a name can be given to a folder on every system."""
    return _FOLDER.fullmatch(name) is not None and len(name) <= 64 and not name.isdecimal()


def _checked_name(name: str) -> str:
    if not is_folder_name(name):
        raise ValueError(
            "it names a folder: it must start with a letter or digit, hold only letters, digits, spaces and "
            "_ . + - ( ), not only digits, and at most 64 of them"
        )
    return name


FolderName = Annotated[str, AfterValidator(_checked_name)]
"""A name that can be given to a folder on every system."""


class Settings(BaseModel):
    """Frozen settings: unknown keys are refused, and no value is converted silently.

    `"3"` and `true` are not numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        # Before the fields are validated, or a misspelt key would also be reported as a missing one.
        if isinstance(data, dict):
            refuse_unknown(data, cls.model_fields)
        return data


def refuse_unknown(data: dict[str, Any], known: Iterable[str], hints: dict[str, str] | None = None) -> None:
    """Refuse the keys that are not known, each with a hint or with the known key that is most like it.

    Args:
        data: the mapping that was read.
        known: the keys that are allowed.
        hints: how the message of an unknown key goes on, by key; other keys get the most similar known one.

    Raises:
        ValidationError: there are unknown keys; a problem for each.
    """
    known = list(known)
    unknown = [key for key in data if key not in known]
    if unknown:
        raise invalid(
            ((key,), data[key], f"{NO_SUCH_KEY}{(hints or {}).get(key) or near_miss(key, known)}", listed(known))
            for key in unknown
        )


def invalid(problems: Iterable[tuple[tuple[str | int, ...], Any, str, str | None]]) -> ValidationError:
    """Return one error with several problems, for a validator to raise.

    Args:
        problems: for each problem, the keys (relative to what is validated), the value, what is wrong in words, and
            what is allowed in words or None.
    """
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
