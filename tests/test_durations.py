"""The budgets of test files."""

from tests.durations import exceeded


def test_a_file_may_take_half_more_than_its_budget():
    budgets = {"a.py": 0.12, "b.py": 0.01}
    assert exceeded({"a.py": 0.179, "b.py": 0.059, "c.py": 0.05}, budgets) == []
    # 0.19 is above 1.5 * 0.12; 0.07 is above 1.5 * 0.01 and 0.01 + 0.05; c.py has no budget.
    found = exceeded({"a.py": 0.19, "b.py": 0.07, "c.py": 0.051}, budgets)
    assert [line.split()[0] for line in found] == ["a.py", "b.py", "c.py"]
    assert (
        "takes 19.0% of the time of all tests; its budget in tests/durations.json is 12.0%"
        in (found[0])
    )
