"""Which test files take long, and which take more of the whole than tests/durations.json allows.

The budget of a file is its share of the time of all tests, since seconds differ from machine to
machine. Where CI is set, a file that exceeds its budget by half, and by five percent of the whole,
fails the run. `make test ARGS=--write-durations` writes the budgets anew.
"""

import collections
import json
import os
from pathlib import Path
from typing import Any

import pytest

BUDGETS = Path(__file__).with_name("durations.json")
# A shared world, which whatever file asks first makes, takes up to four percent of the whole.
_TOLERANCE = 0.05
# A file below this share of the whole is not named in the budgets.
_LEAST_SHARE = 0.005


class Durations:
    """Sums the seconds of each test file, over all workers, and compares them with the budgets."""

    def __init__(self, write: bool):
        self._write = write
        self._seconds: collections.Counter[str] = collections.Counter()
        self._over: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid.split("::")[0].removeprefix("tests/")] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        total = sum(self._seconds.values())
        shares = {file: seconds / max(total, 1e-9) for file, seconds in self._seconds.items()}
        if self._write:
            kept = {f: round(s, 4) for f, s in sorted(shares.items()) if s >= _LEAST_SHARE}
            BUDGETS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            return
        budgets = json.loads(BUDGETS.read_text(encoding="utf-8")) if BUDGETS.exists() else {}
        # A part of the suite says nothing of shares of the whole.
        if not budgets or not set(budgets) <= set(shares):
            return
        self._over = exceeded(shares, budgets)
        if self._over and os.environ.get("CI") and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._seconds:
            return
        terminalreporter.section("longest test files, seconds of all workers")
        for file, seconds in self._seconds.most_common(10):
            terminalreporter.write_line(f"{seconds:8.1f}  {file}")
        terminalreporter.write_line(f"{sum(self._seconds.values()):8.1f}  all")
        for line in self._over:
            terminalreporter.write_line(line, red=True)


def exceeded(shares: dict[str, float], budgets: dict[str, float]) -> list[str]:
    """Names the files that exceed their budget by half, and by five percent of the whole."""
    found = []
    for file, share in sorted(shares.items()):
        budget = budgets.get(file, 0.0)
        if share > 1.5 * budget and share > budget + _TOLERANCE:
            found.append(
                f"{file} takes {share:.1%} of the time of all tests; its budget in "
                f"tests/durations.json is {budget:.1%}. Share a trained world (tests/worlds.py), "
                "mark what is long slow, or run make test ARGS=--write-durations"
            )
    return found
