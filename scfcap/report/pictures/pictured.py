"""What every picture says of where it comes from, and how a result draws one by its name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from scfcap import __version__
from scfcap.brief import Brief
from scfcap.errors import InputError, Problem
from scfcap.report.labels import LANGUAGES, Labels
from scfcap.schema.base import names_given

if TYPE_CHECKING:
    from scfcap.report.charts import Picture
    from scfcap.report.tables import RunMeta
    from scfcap.schema.model import Model

#: Pictures by name, each made when it is called.
Plots = Mapping[str, Callable[[], "Picture"]]


@dataclass(frozen=True)
class About:
    """What a picture says of where it comes from.

    ``title`` is the model's, ``scenario`` the one that is shown ("" where it has none); ``names``
    are those that users chose, which no language changes, ``values`` what the tape holds.
    """

    model: str = ""
    title: str = ""
    as_of: date | None = None
    currency: str = "currency"
    scenario: str = ""
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: Model, scenario: str = "") -> About:
        """Of a model; ``scenario``, if one is shown."""
        names = names_given(spec)
        return cls(spec.name, spec.title, spec.as_of, spec.currency, scenario, names)

    @classmethod
    def of_run(cls, meta: RunMeta) -> About:
        """Of a run, in its plan's scenario."""
        return cls(meta.model, meta.title, meta.as_of, meta.currency, meta.scenario, meta.names)

    @property
    def source(self) -> str:
        """The line at the foot of a picture."""
        if not self.model or self.as_of is None:
            return ""
        day = f"{self.as_of.day} {self.as_of:%B %Y}"
        return f"Model {self.model} · as of {day} · scfcap {__version__}"

    def note(self, scenario: str | None = None) -> str:
        """The line below a title: the model's, and the scenario, if one is shown."""
        shown = self.scenario if scenario is None else scenario
        if self.title and shown:
            return f"{self.title} · scenario {shown}"
        return self.title or (f"scenario {shown}" if shown else "")


def drawn(
    drawings: Plots,
    kind: str | None,
    *,
    language: str = "en",
    about: Callable[[], About] = About,
    of: str = "plot",
) -> Picture:
    """The picture ``kind`` of ``drawings`` (the first without one), its texts in ``language``.

    ``kind`` is a name, or the beginning of some, of which the first is taken; ``about`` has the
    names that no language changes. Raises
    :class:`~scfcap.errors.InputError` for another, with the nearest, and for another language.
    """
    if language not in LANGUAGES:
        raise InputError(
            Problem(f"{of}: language", repr(language), f"one of {', '.join(LANGUAGES)}")
        )
    picture = drawings[_named(drawings, kind, of)]()
    if language == "en":
        return picture
    told = about()
    return picture.said(Labels(language, told.names, told.values))


def _named(drawings: Plots, kind: str | None, of: str) -> str:
    if not drawings:
        raise InputError(
            Problem(of, "a result without a picture", "one that has what is drawn", _NOTHING)
        )
    if kind is None:
        return next(iter(drawings))
    found = [name for name in drawings if name == kind]
    found += [name for name in drawings if name.startswith(f"{kind}_")]
    if found:
        return found[0]
    near = difflib.get_close_matches(kind, list(drawings), 1, 0.5)
    hint = f"Did you mean {near[0]!r}?" if near else "Take one of these."
    raise InputError(
        Problem(f"{of}({kind!r})", "no such picture", f"one of {', '.join(drawings)}", hint)
    )


_NOTHING = "Ask for more when the result is made, such as scenarios, a history or paths."


class Pictured(Brief):
    """A result that can be drawn: ``kinds`` lists its pictures, ``plot`` gives one."""

    __slots__ = ()

    def plots(self) -> Plots:
        """Its pictures by name, the one shown first in front; each is made when called."""
        raise NotImplementedError

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        raise NotImplementedError

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of its pictures."""
        return tuple(self.plots())

    def plot(self, kind: str | None = None, *, language: str = "en") -> Picture:
        """Its picture ``kind`` (the first without one), its texts in ``language`` ("en", "zh").

        Raises :class:`~scfcap.errors.InputError` for a kind that it has not, with the nearest.
        """
        of = f"{type(self).__name__}.plot"
        return drawn(self.plots(), kind, language=language, about=self._about, of=of)
