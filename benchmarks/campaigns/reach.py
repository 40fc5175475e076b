"""Which tests reach which line, and how long each takes: what `make coverage` left."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from changes import Place
from coverage import CoverageData

#: No line: all of a file.
_EVERYWHERE = 0


class Reach:
    """Lines and the tests that reach them; times of tests [s of processor].

    With ``interpreted`` by tests with compilation off alone, without those that were late.
    """

    def __init__(self, root: Path, build: Path, *, interpreted: bool) -> None:
        kinds = "off" if interpreted else "*"
        measured = [path.name.removeprefix("done.") for path in build.glob(f"done.{kinds}.*")]
        self._data = [CoverageData(basename=str(build / f"data.{name}")) for name in measured]
        if not self._data:
            msg = "no build/coverage: run `make coverage` first"
            raise SystemExit(msg)
        for data in self._data:
            data.read()
        self._root = root
        self._by_path: dict[str, dict[int, set[str]]] = {}
        self._found: dict[tuple[str, int], list[str]] = {}
        self.seconds, self._of_file = _times(build, interpreted=interpreted)
        self._left_out = _lines(build, "failed.*")
        if interpreted:
            self._left_out |= _lines(build, "late.*")

    def tests(self, path: str, place: Place) -> list[str]:
        """Tests that reach a place, by name; of what stands outside functions, those of its file.

        Where a fixture reached it, all tests of that file may share what was made.
        """
        line = place.line if place.inside else _EVERYWHERE
        if (path, line) not in self._found:
            self._found[path, line] = self._of_line(path, line)
        return self._found[path, line]

    def _of_line(self, path: str, line: int) -> list[str]:
        lines = self._lines(path)
        everywhere = set().union(*lines.values()) if line == _EVERYWHERE else set()
        contexts = lines.get(line, everywhere)
        found = set()
        for context in contexts:
            test, _, phase = context.rpartition("|")
            found |= {test} if phase == "call" else self._of_file[test.split("::")[0]]
        return sorted(found - self._left_out)

    def _lines(self, path: str) -> dict[int, set[str]]:
        if path not in self._by_path:
            found: dict[int, set[str]] = defaultdict(set)
            for data in self._data:
                for line, contexts in data.contexts_by_lineno(str(self._root / path)).items():
                    found[line] |= {context for context in contexts if context}
            self._by_path[path] = dict(found)
        return self._by_path[path]


def _lines(build: Path, pattern: str) -> set[str]:
    return {line for path in build.glob(pattern) for line in path.read_text("utf-8").split("\n")}


def _times(build: Path, *, interpreted: bool) -> tuple[dict[str, float], dict[str, set[str]]]:
    seconds: dict[str, float] = defaultdict(float)
    of_file: dict[str, set[str]] = defaultdict(set)
    for kind in ("off",) if interpreted else ("off", "on"):  # the later instead of the former
        found: dict[str, float] = defaultdict(float)
        for path in build.glob(f"times.{kind}.*"):
            for line in path.read_text(encoding="utf-8").splitlines():
                took, context = line.split(" ", 1)
                test = context.rpartition("|")[0]
                found[test] += float(took)
                of_file[test.split("::")[0]].add(test)
        seconds.update(found)
    return seconds, of_file
