"""The words of docs/glossary.md, for whoever asks what one means."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mmm.errors import NotFound
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, operation
from mmm.services.runs import Name
from mmm.workspace.tokens import Scope


class TermAsked(Fields):
    """A word or a part of one; empty for all."""

    term: Name = ""


class Term(Fields):
    term: str
    meaning: str


class Glossary(Fields):
    terms: list[Term]


@cache
def glossary() -> tuple[Term, ...]:
    """All terms in their order."""
    text = (files("mmm.services") / "glossary.csv").read_text(encoding="utf-8")
    return tuple(Term(**row) for row in csv.DictReader(text.splitlines()))


@operation(Method.GET, "/glossary", Scope.READ)
def explain_term(context: Context, asked: TermAsked) -> Glossary:
    """Say what a word means here."""
    wanted = asked.term.casefold().strip()
    found = [term for term in glossary() if wanted in term.term.casefold()]
    if not found:
        known = ", ".join(term.term for term in glossary())
        raise NotFound(f"{asked.term!r} is no term here.", where="term", fix=f"Terms: {known}.")
    return Glossary(terms=found)
