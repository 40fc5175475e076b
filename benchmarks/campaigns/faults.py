"""``make faults``: commands killed, starved and hindered; what each leaves behind.

``--kills N`` commands are killed, in turn over all that write: half of them at a random moment,
half at a random act on the file system. After each, every file under a final name must be whole,
and the same command must then leave what it leaves where nothing disturbs it. Exits 1 where one
does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import record

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults import hindered, kills  # noqa: E402
from faults.commands import COMMANDS  # noqa: E402
from faults.server import Server, serving  # noqa: E402

_HEADS = ("command", "kills", "dead", "at a moment", "at an act", "leftovers", "faults")


def main() -> int:
    """Run the campaign; 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of commands")
    asked = parser.parse_args()
    names = [c.name for c in COMMANDS if not asked.only or c.name in asked.only]
    with tempfile.TemporaryDirectory(prefix="scfcap-faults-") as place, serving() as server:
        wrong = _kills(server, asked, names, Path(place))
        wrong += _hindered(server, Path(place))
    for said in wrong:
        print(said)
    return int(bool(wrong))


def _command(asked: argparse.Namespace) -> str:
    if not asked.only:
        return f"make faults KILLS={asked.kills}"
    only = " ".join(f'"{name}"' for name in asked.only)
    return f"python benchmarks/campaigns/faults.py --kills {asked.kills} --only {only}"


def _kills(server: Server, asked: argparse.Namespace, names: list[str], place: Path) -> list[str]:
    begun = time.monotonic()
    known, found = {}, []
    for command, how, share in kills.drawn(asked.seed, asked.kills, names):
        if command.name not in known:
            known[command.name] = kills.undisturbed(server, command, place / command.name)
        done = kills.kill(server, command, known[command.name], how, share, place / "work")
        found.append(done)
        print(f"{command.name}: {how} {done.where:g}, {'killed' if done.killed else 'had ended'}"
              f"{''.join(f'; {said}' for said in done.wrong)}", flush=True)  # fmt: skip
    rows = []
    for name in names:
        mine = [kill for kill in found if kill.command == name]
        hows = Counter(kill.how for kill in mine)
        rows.append((
            name, len(mine), sum(k.killed for k in mine), hows["time"], hows["act"],
            sum(k.left > 0 for k in mine), sum(bool(k.wrong) for k in mine),
        ))  # fmt: skip
    rows.append(("all", *(sum(int(row[k]) for row in rows) for k in range(1, len(_HEADS)))))
    record.keep(
        "faults-kills", "faults.md", _command(asked), _HEADS, rows,
        time.monotonic() - begun,
        ["`dead`: the others had ended before their signal came. `leftovers`: hidden files or "
         "folders stood beside the result after the kill. `faults`: something under a final name "
         "was not whole, or the command, run again, did not leave what it leaves undisturbed."],
    )  # fmt: skip
    return [f"{kill.command} ({kill.how} {kill.where:g}): {said}" for kill in found
            for said in kill.wrong]  # fmt: skip


def _hindered(server: Server, place: Path) -> list[str]:
    begun = time.monotonic()
    tried = [case(server, place / "case") for case in hindered.CASES.values()]
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
