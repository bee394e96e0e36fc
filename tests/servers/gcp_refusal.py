"""A refusal of one of the fronts for Google Cloud, as its APIs word it."""

from __future__ import annotations

_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
}


class Refused(Exception):
    """`code` is Google's name of the status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.status = code, _STATUS[code]
