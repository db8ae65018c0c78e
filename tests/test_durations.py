"""The budgets of test files."""

from tests.durations import exceeded


def test_a_file_may_take_half_more_than_its_budget():
    budgets = {"a.py": 0.10, "b.py": 0.01}
    assert exceeded({"a.py": 0.14, "b.py": 0.029, "c.py": 0.02}, budgets) == []
    # 0.16 is above 1.5 * 0.10; 0.04 is above 1.5 * 0.01 and 0.01 + 0.02; c.py has no budget.
    found = exceeded({"a.py": 0.16, "b.py": 0.04, "c.py": 0.021}, budgets)
    assert [line.split()[0] for line in found] == ["a.py", "b.py", "c.py"]
    assert (
        "takes 16.0% of the time of all tests; its budget in tests/durations.json is 10.0%"
        in (found[0])
    )
