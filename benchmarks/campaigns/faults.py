"""``make faults``: commands killed, starved and hindered; what each leaves behind.

``--kills N`` commands are killed, in turn over all that write: half of them at a random moment,
half at a random act on the file system. After each, every file under a final name must be whole,
and the same command must then leave what it leaves where nothing disturbs it. Exits 1 where one
does not.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import record

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults import hindered, kills  # noqa: E402
from faults.commands import COMMANDS, Command  # noqa: E402
from faults.server import Server, serving  # noqa: E402

PARTS = ("kills", "hindered")
_HEADS = ("command", "kills", "dead", "at a moment", "at an act", "too late", "leftovers", "faults")


def main() -> int:
    """Run the campaign; 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of commands")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no kill after them")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    names = [c.name for c in COMMANDS if not asked.only or c.name in asked.only]
    with tempfile.TemporaryDirectory(prefix="scfcap-faults-") as place, serving() as server:
        wrong = _kills(server, asked, names, Path(place)) if "kills" in asked.part else []
        wrong += _hindered(server, Path(place)) if "hindered" in asked.part else []
    for said in wrong:
        print(said)
    return int(bool(wrong))


def _command(asked: argparse.Namespace) -> str:
    if not asked.only:
        if asked.seconds < math.inf:
            return (
                "python benchmarks/campaigns/faults.py "
                f"--kills {asked.kills} --seconds {asked.seconds:g}"
            )
        return f"make faults KILLS={asked.kills}"
    only = " ".join(f'"{name}"' for name in asked.only)
    return f"python benchmarks/campaigns/faults.py --kills {asked.kills} --only {only}"


def _kills(server: Server, asked: argparse.Namespace, names: list[str], place: Path) -> list[str]:
    begun = time.monotonic()
    known: dict[str, kills.Undisturbed | None] = {}
    found: list[kills.Kill] = []
    wrong: dict[str, list[str]] = {name: [] for name in names}
    for command, how, share in kills.drawn(asked.seed, asked.kills, names):
        if time.monotonic() - begun > asked.seconds:
            break
        name = command.name
        if name not in known:
            known[name] = _witness(server, command, place, wrong[name])
        witness = known[name]
        if witness is None:
            continue
        try:
            done = kills.kill(server, command, witness, how, share, place / "work")
        except TimeoutError as error:
            wrong[name].append(f"{name} ({how} {share:g}): {error}")
            continue
        found.append(done)
        wrong[name] += [f"{name} ({how} {share:g}): {said}" for said in done.wrong]
        print(f"{time.monotonic() - begun:.0f} s: {name}: {how} {share:g}, "
              f"{'killed' if done.killed else 'had ended'}"
              f"{''.join(f'; {said}' for said in done.wrong)}", flush=True)  # fmt: skip
    rows = [_row(name, [kill for kill in found if kill.command == name], wrong[name])
            for name in names]  # fmt: skip
    rows.append(("all", *(sum(int(row[k]) for row in rows) for k in range(1, len(_HEADS)))))
    record.keep(
        "faults-kills", "faults.md", _command(asked), _HEADS, rows,
        time.monotonic() - begun,
        ["`dead`: ended by its kill. `too late`: kills tried that came when the command had "
         "ended; each was tried again, up to three times. `leftovers`: hidden files or folders "
         "stood beside the result after the kill. `faults`: something under a final name was "
         "not whole, or the command, run again, did not leave what it leaves undisturbed; or "
         "it failed where nothing disturbed it."],
    )  # fmt: skip
    return [said for each in wrong.values() for said in each]


def _row(name: str, mine: list[kills.Kill], wrong: list[str]) -> tuple[str | int, ...]:
    hows = Counter(kill.how for kill in mine)
    return (
        name, len(mine), sum(kill.killed for kill in mine), hows["time"], hows["act"],
        sum(kill.missed for kill in mine), sum(kill.left > 0 for kill in mine), len(wrong),
    )  # fmt: skip


def _witness(
    server: Server, command: Command, place: Path, wrong: list[str]
) -> kills.Undisturbed | None:
    """What a command leaves that nothing disturbs; None where it fails, which is wrong too."""
    try:
        return kills.undisturbed(server, command, place / command.name)
    except (RuntimeError, TimeoutError) as error:
        wrong.append(str(error))
        print(error, flush=True)
        return None


def _hindered(server: Server, place: Path) -> list[str]:
    begun = time.monotonic()
    tried = []
    for name, case in hindered.CASES.items():
        found = case(server, place / "case")
        if found is None:
            print(f"{name}: cannot be tried here")
            continue
        tried.append(found)
        print(f"{time.monotonic() - begun:.0f} s: {found}", flush=True)
    rows = [
        (x.fault, x.command, x.happened, x.left, "as promised" if x.kept else "NOT") for x in tried
    ]
    heads = ("fault", "command", "what happened", "left on disk", "promise")
    record.keep(
        "faults-hindered", "faults.md", "make faults", heads, rows, time.monotonic() - begun
    )
    return [f"{x.fault}: {x.happened}; {x.left}" for x in tried if not x.kept]


if __name__ == "__main__":
    sys.exit(main())
