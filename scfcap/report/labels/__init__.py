"""What a report says, in the reader's language.

Reports are built in English. :class:`Labels` says the same in another language: a text is looked
up as a whole, else as a template with places for what changes ("Lend {amount} over {n} months"),
else in parts. The catalogues stand beside this module, ``zh/*.toml``: English text = translation.
Numbers, dates, amounts and units are said by :mod:`scfcap.report.labels.atoms`; names that users
chose stay as they are. What no catalogue has is noted in :attr:`Labels.missing` and stays English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import NamedTuple

from scfcap.report.labels import atoms

__all__ = ["LANGUAGES", "Labels", "catalogue"]

#: Languages of reports.
LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{([a-z_]+)\}")
#: What may be said word for word in between: "A: B", "A; B", "A · B", several lines.
_JOINTS = ("\n", " · ", "; ", ": ", " / ", ", ")
_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(
    r"`[^`]*`|https?://\S+|scfcap [a-z-]+( .*)?|[\w./-]+\.(toml|csv|xlsx|parquet|md)"
)
#: Places of a template whose content is left as it is.
_VERBATIM = ("name", "code", "key")


class _Template(NamedTuple):
    """A text with places: what it looks like in English, and what to say."""

    pattern: re.Pattern[str]
    said: str
    literal: int

    def filled(self, parts: Mapping[str, str | None]) -> str:
        """What to say, with ``parts`` in their places."""
        return _PLACE.sub(lambda place: parts[place[1]] or "", self.said)


class Labels:
    """Says texts in ``language``; ``names`` are those that users chose and nobody translates."""

    def __init__(self, language: str, names: Iterable[str] = ()) -> None:
        self.language = language
        self.names = frozenset(names)
        self.missing: set[str] = set()
        self._said: dict[str, str] = {}

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

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        return {key: said for key, said in catalogue(self.language).items() if "{" not in key}

    @cached_property
    def _templates(self) -> Mapping[str, list[_Template]]:
        """Templates by the first sign of their English text ("" where that is a place)."""
        found: dict[str, list[_Template]] = {}
        for key, said in catalogue(self.language).items():
            if "{" in key:
                first = "" if key.startswith("{") else key[0].lower()
                found.setdefault(first, []).append(_template(key, said))
        for group in found.values():
            group.sort(key=lambda each: -each.literal)
        return found

    def _find(self, text: str, depth: int = 0) -> str | None:
        """``text`` in the language, or None where a part of it is not known."""
        bare = text.strip()
        if bare != text:
            found = self._find(bare, depth)
            lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            return None if found is None else f"{lead}{found}{tail}"
        plain = self._whole(text)
        if plain is not None:
            return plain
        if depth > 8:
            return None
        return self._by_template(text, depth) or self._in_parts(text, depth)

    def _whole(self, text: str) -> str | None:
        if text in self._texts:
            return self._texts[text]
        lowered = text[:1].lower() + text[1:]
        if lowered in self._texts:
            return self._texts[lowered]
        said = atoms.said(text, self.language)
        if said is not None:
            return said
        if text in self.names or not _WORD.search(text) or _CODE.fullmatch(text):
            return text
        return None

    def _by_template(self, text: str, depth: int) -> str | None:
        for template in self._candidates(text):
            match = template.pattern.fullmatch(text)
            if match is None:
                continue
            parts = {
                place: content if place.startswith(_VERBATIM) else self._find(content, depth + 1)
                for place, content in match.groupdict().items()
            }
            if all(found is not None for found in parts.values()):
                return template.filled(parts)
        return None

    def _candidates(self, text: str) -> Iterator[_Template]:
        yield from self._templates.get(text[0].lower(), ())
        yield from self._templates.get("", ())

    def _in_parts(self, text: str, depth: int) -> str | None:
        """A text that is several, each known: joined as the language joins them."""
        for joint in (*_JOINTS, ". "):
            parts = text.split(joint)
            if len(parts) < 2:
                continue
            found = [self._find(part, depth + 1) for part in parts]
            if all(each is not None for each in found):
                return atoms.joined([each or "" for each in found], joint, self.language)
        return self._listed(text, depth)

    def _listed(self, text: str, depth: int) -> str | None:
        """``a, b and c``, and a sentence with its full stop."""
        head, word, last = text.rpartition(" and ")
        if word:
            parts = [*head.split(", "), last]
            found = [self._find(part, depth + 1) for part in parts]
            if all(each is not None for each in found):
                return atoms.listed([each or "" for each in found], self.language)
        if text.endswith("."):
            found_whole = self._find(text[:-1], depth + 1)
            return None if found_whole is None else atoms.stopped(found_whole, self.language)
        return None


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of ``language`` by its English; a text stated twice must be said alike."""
    found: dict[str, str] = {}
    folder = files("scfcap.report.labels").joinpath(language)
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".toml"):
            continue
        for key, said in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if found.setdefault(key, said) != said:
                msg = f"{file.name}: {key!r} is {said!r} here and {found[key]!r} elsewhere"
                raise ValueError(msg)
    return found


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
            pattern += f"(?P<{part}>.+?)"
    literal = sum(len(part) for part in parts[::2])
    return _Template(re.compile(pattern, re.DOTALL | re.IGNORECASE), said, literal)
