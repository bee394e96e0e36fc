"""What people are told, and how far it has got: who wants to be told, letters that are to be sent,
and what has been told already.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.models import LetterTaken
from mmm.workspace.part import Part


class Notices(Part):
    """subscriptions/<who>.json; outbox/<letter>.json until it is sent, outbox/taken/<letter>.json
    while somebody sends it; told/<what>.json for what has been told, so that it is told once.
    """

    def save_subscription(self, person: str, subscription: BaseModel) -> None:
        self._put(f"subscriptions/{person_key(person)}.json", subscription, "subscription")

    def subscription(self, person: str) -> str | None:
        """JSON of what the person wants to be told; None where they asked for nothing."""
        try:
            return self._text(f"subscriptions/{person_key(person)}.json", "subscription")
        except NotFound:
            return None

    def subscriptions(self) -> list[str]:
        """JSON of everybody's."""
        names = self._objects.names("subscriptions")
        return [self._text(f"subscriptions/{name}", "subscription") for name in names]

    def drop_subscription(self, person: str) -> None:
        self._objects.delete(f"subscriptions/{person_key(person)}.json")

    def is_told(self, what: str) -> bool:
        return self._objects.exists(_told(what))

    def mark_told(self, what: str) -> None:
        self._objects.put(_told(what), b"{}")

    def post_letter(self, letter_id: str, letter: BaseModel) -> None:
        """Put a letter into the outbox, over one of the same id."""
        self._put(f"outbox/{letter_id}.json", letter, "letter")

    def letter_ids(self) -> list[str]:
        return [name.removesuffix(".json") for name in self._objects.names("outbox")]

    def letter(self, letter_id: str) -> str | None:
        """JSON of a letter; None once it is sent."""
        try:
            return self._text(f"outbox/{letter_id}.json", "letter")
        except NotFound:
            return None

    def take_letter(self, letter_id: str, now: datetime, longest_seconds: float) -> bool:
        """Take a letter to send it; False where another does. One that was taken for longer than
        that was taken by somebody who was killed.
        """
        key = f"outbox/taken/{letter_id}.json"
        with suppress(NotFound):
            taken = self._read(key, LetterTaken, "letter_taken")
            if (now - taken.at).total_seconds() > longest_seconds:
                self._objects.delete(key)
        try:
            self._create(key, LetterTaken(at=now), "letter_taken")
        except AlreadyExists:
            return False
        return True

    def letter_sent(self, letter_id: str) -> None:
        """The letter is sent, or given up."""
        self._objects.delete(f"outbox/{letter_id}.json")
        self.give_back_letter(letter_id)

    def give_back_letter(self, letter_id: str) -> None:
        """Whoever has taken the letter has stored when it is tried again."""
        self._objects.delete(f"outbox/taken/{letter_id}.json")


def person_key(person: str) -> str:
    """People's ids hold characters that keys do not."""
    return sha256(person.encode()).hexdigest()[:16]


def _told(what: str) -> str:
    return f"told/{what.replace('/', '~')}.json"
