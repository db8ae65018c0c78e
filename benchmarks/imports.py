"""Prints the import structure of the package as Markdown: floors, circles, size of the top level.

python benchmarks/imports.py [CHECKOUT]

The units are the modules and packages side by side at the top of tfmmrec. A floor is a level of the
import order: a unit stands one above the highest unit that it imports, circles counted as one.
"""

import sys
from pathlib import Path


def main() -> None:
    checkout = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    sys.path.insert(0, str(checkout))
    import grimp

    graph = grimp.build_graph("tfmmrec", cache_dir=None)
    package = checkout / "tfmmrec"
    units = {path.stem for path in package.iterdir() if is_unit(path)}
    edges: dict[str, set[str]] = {unit: set() for unit in units}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            lower, upper = (name.split(".")[1:2] for name in (imported, module))
            if lower and upper and lower != upper and upper != ["__main__"]:
                edges[upper[0]].add(lower[0])
    circles = [circle for circle in strongly_connected(edges) if len(circle) > 1]
    packages = sum((package / unit).is_dir() for unit in units)
    rows = {
        "modules and packages at the top of tfmmrec": len(units),
        "of these, packages": packages,
        "Python files at the top, with __init__ and __main__": len(list(package.glob("*.py"))),
        "Python files in all": len(list(package.rglob("*.py"))),
        "imports between these units": sum(map(len, edges.values())),
        "floors": num_floors(edges),
        "circles": len(circles),
    }
    print("| | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for circle in circles:
        print(f"| a circle | {', '.join(sorted(circle))} |")


def is_unit(path: Path) -> bool:
    is_package = path.is_dir() and any(path.glob("**/*.py"))
    return is_package or (path.suffix == ".py" and not path.stem.startswith("__"))


def strongly_connected(edges: dict[str, set[str]]) -> list[set[str]]:
    """Groups units that import each other, directly or through others."""
    reached = {unit: reachable(unit, edges) for unit in edges}
    groups: list[set[str]] = []
    for unit in edges:
        if not any(unit in group for group in groups):
            groups.append({unit} | {other for other in reached[unit] if unit in reached[other]})
    return groups


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def num_floors(edges: dict[str, set[str]]) -> int:
    groups = strongly_connected(edges)
    group_of = {unit: number for number, group in enumerate(groups) for unit in group}
    floors: dict[int, int] = {}

    def floor(number: int) -> int:
        if number not in floors:
            below = {group_of[low] for unit in groups[number] for low in edges[unit]} - {number}
            floors[number] = 1 + max(map(floor, below), default=0)
        return floors[number]

    return max(map(floor, range(len(groups))))


if __name__ == "__main__":
    main()
