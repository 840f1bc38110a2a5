"""The map in the code: who may import whom, what each room has, and how long a file may be."""

import ast
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.once

MAY_IMPORT = {
    "reference_handler": set(),
    "fixtures": set(),
    "simulator": {"fixtures"},
    "scenarios": {"fixtures", "simulator", "infra", "load"},
    "load": {"fixtures", "infra"},
    "infra": {"fixtures"},
}
BARE_FOLDERS = {*MAY_IMPORT, "tests", "benchmarks"}

NOT_RELATIVE = {
    "load/locustfile.py": "locust loads it by its path, as no part of a package",
}
LINES_MAX = 400
LONGER = {
    "tests/moto/scenarios/test_simulated_environment.py": "all that a handler meets there, over one set-up",
    "tests/unit/fixtures/test_in_process.py": "every way in which a module can hold state, over one set-up",
    "tests/unit/reference_handler/test_batch.py": "all that can become of a batch, case after case",
    "tests/unit/scenarios/test_cli.py": "every command with all that can be wrong about its input",
    "tests/unit/scenarios/test_invariants.py": "eight invariants: what holds, what breaks each, and the boundaries",
}
"""Files over the limit, each with the reason why."""


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    parts = ("redrive", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in files(*MAY_IMPORT)}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def base_of(path: Path, node: ast.ImportFrom) -> str:
    """What the names of a ``from … import`` are looked up in, as an absolute name."""
    if node.level == 0:
        return node.module or ""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


def imported(path: Path, nodes: Iterator[ast.AST]) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each import statement with each module it names, as an absolute name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(path, node)
            for alias in node.names:
                yield node, f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "redrive" and len(parts) > 1 else None


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_the_rooms_that_it_may(room: str) -> None:
    for path in files(room):
        for node, module in imported(path, ast.walk(parsed(path))):
            if module.split(".")[0] == "redrive":
                assert room_of(module) in MAY_IMPORT[room] | {room}, f"{name_of(path)}:{node.lineno} imports {module}"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_are_relative_within_a_room_and_absolute_between_rooms(room: str) -> None:
    for path in files(room):
        for node, module in imported(path, ast.walk(parsed(path))):
            is_relative = isinstance(node, ast.ImportFrom) and node.level > 0
            if name_of(path) not in NOT_RELATIVE and (is_relative or room_of(module)):
                assert is_relative == (room_of(module) == room), f"{name_of(path)}:{node.lineno} imports {module}"


def test_nothing_imports_a_folder_by_its_bare_name() -> None:
    for path in files(*BARE_FOLDERS):
        for node, module in imported(path, ast.walk(parsed(path))):
            assert module.split(".")[0] not in BARE_FOLDERS, f"{name_of(path)}:{node.lineno} imports {module}"


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: not those in functions, nor those for type checkers."""
    for child in node.orelse if is_for_types_only(node) else ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from run_on_import(child)


def imports_on_import(module: str) -> set[str]:
    """The modules of ours that an import of this one runs, packages on the way to them included."""
    found = set()
    for _, target in imported(MODULES[module], run_on_import(parsed(MODULES[module]))):
        parts = target.split(".")
        for length in range(2, len(parts) + 1):
            name = ".".join(parts[:length])
            # A package that we are in has begun already; it matters only if it is what the statement asks for.
            if name in MODULES and (name == target or not f"{module}.".startswith(f"{name}.")):
                found.add(name)
    return found


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """A circle in the order of the imports, its first module repeated at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_import_circle() -> None:
    circle = circle_in({module: imports_on_import(module) for module in MODULES})
    assert circle == [], "import circle: " + " -> ".join(circle)


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) in (["b", "c", "b"], ["c", "b", "c"])
    assert circle_in({"a": {"a"}}) == ["a", "a"]


def pyproject() -> dict[str, dict[str, dict[str, list[str]]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_pyproject_lists_every_package() -> None:
    folders = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    packages = pyproject()["tool"]["setuptools"]["packages"]
    assert sorted(packages) == sorted(folders)


def test_every_folder_with_code_is_a_package() -> None:
    for path in MODULES.values():
        assert (path.parent / "__init__.py").is_file(), f"{name_of(path.parent)} has no __init__.py"


@pytest.mark.parametrize("room", MAY_IMPORT)
@pytest.mark.parametrize("file", ["__init__.py", "py.typed", "README.md"])
def test_room_is_complete(room: str, file: str) -> None:
    assert (ROOT / room / file).is_file(), f"{room}/{file} is missing"


def test_files_are_short() -> None:
    written = [path for path in files(*BARE_FOLDERS) if not path.stem.endswith("_pb2")]
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in written}
    assert {name: count for name, count in lines.items() if count > LINES_MAX}.keys() == LONGER.keys()


def test_lists_of_exceptions_name_files_that_exist() -> None:
    assert [name for name in (*NOT_RELATIVE, *LONGER) if not (ROOT / name).is_file()] == []
