"""What a report says, in the reader's language.

Reports are built in English. :class:`Labels` says the same in another language: a text is looked
up as a whole, else sentence by sentence, else as a template with places for what changes ("Lend
{amount} over {n} months"), else in parts. The catalogues stand beside this module, ``zh/*.toml``:
English text = translation. Numbers, dates, amounts and units are said by
:mod:`scfcap.report.labels.atoms`; names that users chose stay as they are, but for those in
``zh/names*.toml``: words of the trade (senior, revolving) and names in shipped models. What no
catalogue has is noted in :attr:`Labels.missing` and stays English.

A place takes what its name says, up to a "_" that tells two alike apart: ``{amount}`` an amount,
``{day}`` a date, ``{share}`` a percentage, ``{n}`` a number, ``{span}`` a length of time
("4 months"), ``{unit}`` a unit of currency, ``{name}`` a name or several, ``{code}`` and ``{key}``
anything, left as it is; any other takes a text that is itself in the catalogues.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

from scfcap.report.labels import atoms

__all__ = ["LANGUAGES", "Labels", "catalogue", "stated"]

#: Languages of reports.
LANGUAGES = ("en", "zh")
#: How the files begin that hold names which are said although a model gives them.
_NAMES_FILES = "names"
_PLACE = re.compile(r"\{([a-z_]+)\}")
#: What may be said word for word in between: "A: B", "A; B", "A · B", several lines.
_JOINTS = ("\n", " · ", "; ", ": ", " / ", ", ", " - ")
_SENTENCE = re.compile(r"(?<!\A\d\.)(?<!\A\d\d\.)(?<=[.!?]) (?=[A-Z])")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(
    r"`[^`]*`|https?://\S+|scfcap [a-z-]+( .*)?|[\w./-]+\.(toml|csv|xlsx|parquet|md|json)"
    r"|[a-z_][\w.]*( [+*/-] [\w.]+)* (<=|>=|==|!=|<|>) .+|[a-z][a-z0-9]*(_[a-z0-9]+)*\.[\w.:-]+"
    r"|[ymdhsAPM#0?,._()/:;% \\-]+|[A-Z]{1,3}\$?\d+(:[A-Z]{1,3}\$?\d+)?|[0-9a-f]{12,}|in_\w+"
    r"|[a-z]\w*_(times|multiplier)"
)
#: Places of a template whose content is left as it is.
_VERBATIM = ("code", "key")
#: What stands between names in a text.
_BETWEEN = re.compile(r"(, | and |: |/| · )")
_SIGNS = {", ": "、", " and ": "和", ": ": "："}
_KINDS = {
    "amount": atoms.AMOUNT, "day": atoms.DAY, "unit": atoms.UNIT, "n": r"-?[\d.,]*\d",
    "share": r"[+\-−]?[\d.,]+ ?%", "span": r"\d+ (?:day|week|month|quarter|year|period)s?",
}  # fmt: skip
#: Parts within parts beyond which no text is looked for.
_DEEPEST = 10


class _Template(NamedTuple):
    """A text with places: what it looks like in English, and what to say."""

    pattern: re.Pattern[str]
    said: str
    literals: tuple[str, ...]

    def filled(self, parts: Mapping[str, str]) -> str:
        """What to say, with ``parts`` in their places."""
        return _PLACE.sub(lambda place: parts[place[1]], self.said)


class Labels:
    """Says texts in ``language``.

    ``names`` are those that users chose and nobody translates; ``values`` are what the tape holds
    (places, kinds, identifiers): they are said where a catalogue has them, else left alone.
    """

    def __init__(
        self, language: str, names: Iterable[str] = (), values: Iterable[str] = ()
    ) -> None:
        self.language = language
        self.names = frozenset(names)
        self.values = frozenset(values)
        self.missing: set[str] = set()
        self._said: dict[str, str] = {}
        self._parts: dict[str, str | None] = {}

    def __call__(self, text: str) -> str:
        """``text`` in the reader's language."""
        if self.language == "en" or not text:
            return text
        if text not in self._said:
            found = self._find(text)
            if found is None:
                self.missing.add(text)
                found = text
            self._said[text] = found
        return self._said[text]

    @property
    def _texts(self) -> Mapping[str, str]:
        return _texts(self.language)

    @property
    def _keys(self) -> Mapping[str, str]:
        """The engine's keys (``bank_debt``) by what the catalogues say of their words."""
        return _keys(self.language)

    @property
    def _templates(self) -> Mapping[str, list[_Template]]:
        """Templates by a word that they hold, the longest; those with more words first."""
        return _by_word(self.language)

    @cached_property
    def _given(self) -> frozenset[str]:
        return self.names - _said_names(self.language)

    @cached_property
    def _spoken(self) -> frozenset[str]:
        return _forms(self.names)

    @cached_property
    def _held(self) -> frozenset[str]:
        return _forms(self.values)

    @cached_property
    def _shapes(self) -> frozenset[str]:
        """Names with their numbers left out: further series are called like the first."""
        return frozenset(map(_shape, self.names))

    def _named(self, text: str) -> str | None:
        """A name, or several, or what a catalogue says; None where it is none."""
        single = self._whole(text)
        if single is not None:
            return single
        if text in self._held:
            return text
        parts = _BETWEEN.split(text)
        if len(parts) < 2:
            return None
        found = [
            _SIGNS.get(part, part) if n % 2 else self._named(part) for n, part in enumerate(parts)
        ]
        whole = [part for part in found if part is not None]
        return "".join(whole) if len(whole) == len(found) else None

    def _whole(self, text: str) -> str | None:
        if (said := atoms.said(text, self.language)) is not None:
            return said
        channel, colon, name = text.partition(":")
        if colon and channel in self._keys and name and name[0] != " ":
            inner = self._whole(name)
            return None if inner is None else f"{self._keys[channel]}：{inner}"
        if text in self._given or not _WORD.search(text) or _CODE.fullmatch(text):
            return text
        if (known := self._texts.get(_lowered(text), self._keys.get(text))) is not None:
            return known
        if text in self._spoken or _shape(text) in self._shapes:
            return text
        return None

    def _find(self, text: str, depth: int = 0) -> str | None:
        """``text`` in the language, or None where a part of it is not known."""
        if text not in self._parts:
            if depth > _DEEPEST:
                return None
            self._parts[text] = None  # a text within itself is not known
            self._parts[text] = self._search(text, depth)
        return self._parts[text]

    def _search(self, text: str, depth: int) -> str | None:
        bare = text.strip()
        if bare != text:
            found = self._find(bare, depth) if bare else ""
            lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            return None if found is None else f"{lead}{found}{tail}"
        plain = self._whole(text)
        if plain is not None:
            return plain
        return (
            self._sentences(text, depth)
            or self._by_template(text, depth)
            or self._in_parts(text, depth)
            or self._named(text)
        )

    def _sentences(self, text: str, depth: int) -> str | None:
        parts = _SENTENCE.split(text)
        if len(parts) < 2:
            return None
        found = self._all(parts, depth)
        return None if found is None else atoms.sentences(found, self.language)

    def _all(self, parts: list[str], depth: int) -> list[str] | None:
        """Each of ``parts``, or None where one is not known."""
        found: list[str] = []
        for part in parts:
            said = self._find(part, depth + 1)
            if said is None:
                return None
            found.append(said)
        return found

    def _by_template(self, text: str, depth: int) -> str | None:
        for template in self._candidates(text):
            match = template.pattern.fullmatch(text)
            if match is None:
                continue
            parts: dict[str, str] = {}
            for place, content in match.groupdict().items():
                said = self._filling(place, content, depth)
                if said is None:
                    break
                parts[place] = said
            else:
                return template.filled(parts)
        return None

    def _filling(self, place: str, content: str, depth: int) -> str | None:
        """What stands in a place of a template, said."""
        kind = _kind(place)
        if kind in _VERBATIM:
            return content
        return self._named(content) if kind == "name" else self._find(content, depth + 1)

    def _candidates(self, text: str) -> Iterator[_Template]:
        lowered = text.lower()
        found = [
            template
            for word in {"", *re.findall(r"\w+", lowered)}
            for template in self._templates.get(word, ())
            if all(literal in lowered for literal in template.literals)
        ]
        found.sort(key=lambda each: -sum(map(len, each.literals)))
        yield from found

    def _in_parts(self, text: str, depth: int) -> str | None:
        """A text that is several, each known: joined as the language joins them."""
        for joint in _JOINTS:
            parts = text.split(joint)
            if len(parts) < 2:
                continue
            found = self._all(parts, depth)
            for n in range(1, len(parts) if joint == ": " else 0):
                # "A: B: C" where "B: C", or "A: B", is known as a whole
                found = found or self._all([joint.join(parts[:n]), joint.join(parts[n:])], depth)
            if found is not None:
                return atoms.joined(found, joint, self.language)
        return self._listed(text, depth)

    def _listed(self, text: str, depth: int) -> str | None:
        """``a, b and c``, a sentence with its full stop, a text in brackets."""
        head, word, last = text.rpartition(" and ")
        if word:
            found = self._all([*head.split(", "), last], depth)
            if found is not None:
                return atoms.listed(found, self.language)
        if text.endswith("."):
            whole = self._find(text[:-1], depth + 1)
            return None if whole is None else atoms.stopped(whole, self.language)
        if text.startswith("(") and text.endswith(")"):
            inner = self._find(text[1:-1], depth + 1)
            return None if inner is None else atoms.bracketed(inner, self.language)
        return None


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of ``language`` by its English; of one stated twice the first counts."""
    found: dict[str, str] = {}
    for _, texts in _files(language):
        found = {**texts, **found}
    return found


def stated(language: str) -> Mapping[str, Mapping[str, str]]:
    """What each file of ``language`` says, by its name: a text stated twice is said alike."""
    return dict(_files(language))


@cache
def _said_names(language: str) -> frozenset[str]:
    found = (texts for name, texts in _files(language) if name.startswith(_NAMES_FILES))
    keys = [key for texts in found for key in texts]
    return frozenset((*keys, *map(_lowered, keys), *(key[:1].upper() + key[1:] for key in keys)))


def _files(language: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    folder = files("scfcap.report.labels").joinpath(language)
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            yield file.name, tomllib.loads(file.read_text(encoding="utf-8"))


def _forms(names: Iterable[str]) -> frozenset[str]:
    """Names as headings and sentences write them: ``credit_long`` is ``Credit long`` too."""
    plain = {
        form
        for name in names
        for form in (name, name.replace("_", " "), name.replace("-", " ").replace("_", " "))
    }
    return frozenset(plain | {name[:1].upper() + name[1:] for name in plain})


def _shape(name: str) -> str:
    return _NUMBER.sub("#", name)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _kind(place: str) -> str:
    return place.partition("_")[0]


@cache
def _texts(language: str) -> Mapping[str, str]:
    return {
        _lowered(key): said for key, said in catalogue(language).items() if not _PLACE.search(key)
    }


@cache
def _keys(language: str) -> Mapping[str, str]:
    return {key.replace(" ", "_"): said for key, said in _texts(language).items()}


@cache
def _by_word(language: str) -> Mapping[str, list[_Template]]:
    found: dict[str, list[_Template]] = {}
    for template in _templates(catalogue(language)):
        words = re.findall(r"\w+", " ".join(template.literals))
        found.setdefault(max(words, key=len, default=""), []).append(template)
    return found


def _templates(texts: Mapping[str, str]) -> Iterator[_Template]:
    for key, said in texts.items():
        if _PLACE.search(key):
            yield _template(key, said)


def _template(key: str, said: str) -> _Template:
    parts = _PLACE.split(key)
    seen: set[str] = set()
    pattern = ""
    for n, part in enumerate(parts):
        if n % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>{_KINDS.get(_kind(part), '.+?')})"
    literals = tuple(part.lower() for part in parts[::2] if part)
    return _Template(re.compile(pattern, re.DOTALL | re.IGNORECASE), said, literals)
