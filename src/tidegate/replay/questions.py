"""Questions put to the gate during a run: a proposal due at a virtual instant, asked before the first batch after it.

In: proposals with their times. Out: submissions to the engine and a tally of answers; a question the engine refuses as input is counted with
its error, because one bad line must not end a replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from tidegate.engine.engine import Engine
from tidegate.errors import InputError
from tidegate.model.intent import Proposal
from tidegate.units import Nanoseconds


class Question(msgspec.Struct, frozen=True):
    """One proposal and when it is asked. `place` names where it came from (`line 12`)."""

    at_ns: Nanoseconds
    proposal: Proposal
    place: str = ""


class Asked(msgspec.Struct):
    """What became of the questions of one source."""

    asked: int = 0
    approved: int = 0
    refused: list[str] = []


class Questions:
    """Asks a fixed list of questions in time order (a batch hook)."""

    def __init__(self, questions: Iterable[Question]) -> None:
        self._left = deque(sorted(questions, key=lambda question: question.at_ns))
        self.answers = Asked()

    @property
    def unasked(self) -> int:
        """Return how many were never due."""
        return len(self._left)

    def before_batch(self, engine: Engine, now_ns: Nanoseconds) -> None:
        """Ask what is due at the engine's present time. Nothing is asked before the engine has seen a market."""
        if not self._left or self._left[0].at_ns > engine.now_ns:
            return
        while self._left and self._left[0].at_ns <= engine.now_ns:
            ask(engine, self._left.popleft(), self.answers)
        engine.flush()


def ask(engine: Engine, question: Question, answers: Asked) -> None:
    """Submit one question; the caller flushes."""
    answers.asked += 1
    try:
        decision = engine.submit(question.proposal)
    except InputError as error:
        answers.refused.append(f"{question.place}: {error}" if question.place else str(error))
        return
    answers.approved += 1 if decision.approved else 0
