"""Run audits one after the other, and print what each said last; exit status 1 if one of them found something."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.helpers.places import ROOT

QUICK = ("check_energy", "check_queueing", "check_twins", "check_chaos", "check_deadlock", "determinism")
LONG = ("extreme_values",)
"""This takes 20 minutes, and finds some cases that take too long today."""
DUE_LATER = ("fuzz_yaml", "disk_full")
"""What they ask for is not there yet. The last needs root, for it mounts small disks."""
GROUPS = {"quick": QUICK, "long": LONG, "later": DUE_LATER}


def run(name: str) -> bool:
    """Run one audit, print its last line, or all that it said where it found something; whether it found nothing."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"tests.audits.{name}"], cwd=ROOT, capture_output=True, text=True)
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        print(said)
    last = said.splitlines()[-1] if said else "it said nothing"
    print(f"{'BAD' if done.returncode else 'ok '} {name:15s} {last} ({time.monotonic() - began:.0f} s)", flush=True)
    return done.returncode == 0


def main(words: list[str]) -> int:
    """Run the audits, or groups of audits, of these names; the quick ones if nothing is named."""
    known = QUICK + LONG + DUE_LATER
    names = [name for word in words or ["quick"] for name in GROUPS.get(word, (word,))]
    if unknown := [name for name in names if name not in known]:
        print(f"there is no audit {unknown[0]!r}: take {', '.join((*GROUPS, *known))}", file=sys.stderr)
        return 2
    results = [run(name) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
