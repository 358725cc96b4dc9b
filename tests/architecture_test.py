"""The table of rooms and the house rules that a program can check, read from the sources.

Each rule is a function of a source tree that returns its breaches, so that the second half of this file can show each
one finding a breach in a tree made for it.
"""

import pathlib
import re

import pytest

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"

# What each room may use, as in ARCHITECTURE.md; what a used room uses may be used too. `crypto` and `log` are open to
# all but `domain`.
MAY_USE = {
    "domain": set(),
    "crypto": set(),
    "log": set(),
    "store": {"domain"},
    "engine": {"domain", "store"},
    "token": {"domain"},
    "document": {"domain", "token"},
    "http": set(),
    "payment": {"domain", "http"},
    "object": {"domain", "http"},
    "identity": {"domain"},
    "mail": {"domain"},
    "job": {"domain", "engine", "payment", "object", "document", "mail"},
    "api": {"domain", "engine", "store", "token", "document", "payment", "object", "identity", "http", "job",
            "mail"},
    "app": {"domain", "engine", "store", "token", "document", "payment", "object", "identity", "http", "job", "api",
            "mail"},
}
OPEN_TO_ALL_BUT_DOMAIN = {"crypto", "log"}

# Libraries that stay behind the interface of the rooms named here.
LIBRARY_ROOMS = {
    "boost/beast": {"http"},
    "boost/asio/ssl": {"http"},
    "sqlite3.h": {"store", "payment"},
    "spdlog/": {"log"},
    "cairo": {"document"},
    "pango": {"document"},
    "hb": {"document"},
    "unicode/": {"document"},
    "libdeflate.h": {"document"},
    "kainjow/": {"api"},
    "png.h": {"document"},
    "openssl/": {"crypto", "http", "token", "identity"},
    "sodium": {"crypto", "token", "identity"},
    "curl/": {"mail"},
    "gmime/": {"mail"},
    "CLI/": {"app"},
    "toml++/": {"app"},
}

# Engines and the sandbox are known to themselves, to whoever builds them, and to tests.
PRIVATE_FOLDERS = {"store/memory", "store/sqlite", "store/postgres", "store/dynamodb", "payment/sandbox"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SQL = re.compile(r'"\s*(SELECT\b|INSERT (OR \w+ )?INTO\b|UPDATE \w+ SET\b|DELETE FROM\b|CREATE (TABLE|INDEX|UNIQUE)\b|BEGIN IMMEDIATE)')


def sources(src):
    return sorted(path for path in src.rglob("*") if path.suffix in (".cpp", ".hpp"))


def room_of(src, path):
    return path.relative_to(src).parts[0]


def is_test(path):
    return path.name.endswith("_test.cpp") or "testing" in path.parts


def includes(path):
    """(quote, target) of every #include."""
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def allowed_rooms(room):
    """The rooms that `room` may use, with what these use."""
    seen, todo = set(), [room]
    while todo:
        for used in MAY_USE[todo.pop()]:
            if used not in seen:
                seen.add(used)
                todo.append(used)
    return seen | (OPEN_TO_ALL_BUT_DOMAIN if room != "domain" else set()) | {room}


def unknown_rooms(src):
    return [room for room in sorted({room_of(src, path) for path in sources(src)}) if room not in MAY_USE]


def forbidden_rooms(src):
    breaches = []
    for path in sources(src):
        room = room_of(src, path)
        if room not in MAY_USE:
            continue
        for quote, target in includes(path):
            used = target.split("/")[0]
            if used in MAY_USE and "/" in target and used not in allowed_rooms(room):
                breaches.append(f"{path.relative_to(src)} includes {target}")
    return breaches


def forbidden_links(src):
    """The same table against what CMake links: a room that links more could include more."""
    breaches = []
    for listing in sorted(src.glob("*/CMakeLists.txt")):
        room = listing.parent.name
        for call in re.findall(r"admit_room\(([^)]*)\)", listing.read_text(encoding="utf-8")):
            words = call.split()
            linked, section = [], None
            for word in words[1:]:
                if word.isupper():
                    section = word
                elif section == "ROOMS":
                    linked.append(word)
            breaches += [f"{room} links {used}" for used in linked if used not in allowed_rooms(room)]
    return breaches


def domain_outsiders(src):
    """`domain` includes the standard library and itself, nothing else (doctest in its tests)."""
    standard = re.compile(r"^[a-z_]+$|^c[a-z]+$")
    breaches = []
    for path in sources(src / "domain"):
        for quote, target in includes(path):
            ours = quote == '"' and target.startswith("domain/")
            test_only = is_test(path) and (target.startswith("doctest/") or target.startswith("rapidcheck"))
            if not (ours or test_only or (quote == "<" and standard.match(target))):
                breaches.append(f"{path.relative_to(src)} includes {target}")
    return breaches


def impure_domain(src):
    """Decisions have no clock, no randomness, no I/O and no floating point: all of it arrives inside the command."""
    banned = re.compile(r"_clock::now|random_device|mt19937|\brand\(|\bgetenv\(|\bfopen\(|fstream|\bstd::c(out|err)\b"
                        r"|\b(double|float)\b|std::thread|std::mutex")
    return [f"{path.relative_to(src)}:{number}: {line.strip()}" for path in sources(src / "domain") if not is_test(path)
            for number, line in code_lines(path) if banned.search(line)]


def libraries_outside_their_room(src):
    breaches = []
    for path in sources(src):
        room = room_of(src, path)
        for quote, target in includes(path):
            for library, rooms in LIBRARY_ROOMS.items():
                if quote == "<" and target.startswith(library) and room not in rooms and not is_test(path):
                    breaches.append(f"{path.relative_to(src)} includes {target}")
    return breaches


def private_folders_used(src):
    breaches = []
    for path in sources(src):
        here = path.relative_to(src).as_posix()
        if is_test(path) or here.startswith("app/"):
            continue
        for quote, target in includes(path):
            for folder in PRIVATE_FOLDERS:
                if target.startswith(folder + "/") and not here.startswith(folder + "/"):
                    breaches.append(f"{here} includes {target}")
    return breaches


def header_cycles(src):
    graph = {}
    for path in sources(src):
        if path.suffix == ".hpp":
            graph[path.relative_to(src).as_posix()] = [target for quote, target in includes(path) if quote == '"']
    done, breaches = set(), []

    def visit(node, trail):
        if node in trail:
            breaches.append(" -> ".join(trail[trail.index(node):] + [node]))
            return
        if node in done or node not in graph:
            return
        for target in graph[node]:
            visit(target, trail + [node])
        done.add(node)

    for node in graph:
        visit(node, [])
    return breaches


def code_lines(path):
    """(number, line) without `//` comments; a `//` inside a text (a URL) keeps the line whole."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        bare = re.sub(r"(?<![:\"'])//.*", "", line)
        yield number, bare


def sql_elsewhere(src):
    """SQL is under an engine of the store, or in the sandbox, which is a program of its own."""
    homes = re.compile(r"^(store/(sqlite|postgres|dynamodb)|payment/sandbox)/")
    return [f"{path.relative_to(src)}:{number}: {line.strip()}" for path in sources(src)
            if not homes.match(path.relative_to(src).as_posix()) and not is_test(path)
            for number, line in code_lines(path) if SQL.search(line)]


def headers_without_guard(src):
    return [str(path.relative_to(src)) for path in sources(src) if path.suffix == ".hpp"
            and not path.read_text(encoding="utf-8").startswith("#pragma once\n")]


def namespaces_elsewhere(src):
    """Folder = namespace: what a header declares is in `admit::ROOM` (or below it)."""
    breaches = []
    for path in sources(src):
        opened = re.findall(r"^(?:inline )?namespace (admit[\w:]*) ?\{", path.read_text(encoding="utf-8"), re.MULTILINE)
        room = room_of(src, path)
        for name in opened if path.suffix == ".hpp" else []:
            if name != f"admit::{room}" and not name.startswith(f"admit::{room}::"):
                breaches.append(f"{path.relative_to(src)} opens {name}")
    return breaches


def loose_ends(src):
    """A TODO names the ADR that decides it; no path of one machine; `using namespace std` hides where a name is from."""
    breaches = []
    for path in sources(src):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            todo = re.search(r"\b(TODO|FIXME|XXX)\b", line) and not re.search(r"ADR|docs/adr/", line)
            machine = re.search(r"(?<![\w.-])/(work|home|root|Users)/", line)
            if todo or machine or re.search(r"using namespace std\s*;", line):
                breaches.append(f"{path.relative_to(src)}:{number}: {line.strip()}")
    return breaches


RULES = [unknown_rooms, forbidden_rooms, forbidden_links, domain_outsiders, impure_domain, libraries_outside_their_room,
         private_folders_used, header_cycles, sql_elsewhere, headers_without_guard, namespaces_elsewhere, loose_ends]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_sources_keep(rule):
    assert sources(SRC), "no sources found"
    breaches = rule(SRC)
    assert not breaches, "\n" + "\n".join(breaches)


def test_table_of_rooms_has_no_cycle():
    for room in MAY_USE:
        used = set()
        for other in MAY_USE[room]:
            used |= allowed_rooms(other) - OPEN_TO_ALL_BUT_DOMAIN
        assert room not in used, f"{room} uses itself by way of another room"


HEADER = "#pragma once\n"
BREACHES = [
    (unknown_rooms, "attic/box.hpp", HEADER),
    (forbidden_rooms, "store/row.hpp", HEADER + '#include "engine/lane.hpp"\n'),
    (forbidden_rooms, "domain/row.hpp", HEADER + '#include "crypto/hash.hpp"\n'),
    (forbidden_links, "token/CMakeLists.txt", "admit_room(token ROOMS domain http LIBRARIES x)\n"),
    (domain_outsiders, "domain/money.cpp", "#include <boost/json.hpp>\n"),
    (domain_outsiders, "domain/money.cpp", "#include <unistd.h>\n"),
    (impure_domain, "domain/hold.cpp", "auto now = std::chrono::system_clock::now();\n"),
    (impure_domain, "domain/money.cpp", "double price = 1.5;\n"),
    (libraries_outside_their_room, "api/tickets.cpp", "#include <boost/beast/http.hpp>\n"),
    (private_folders_used, "engine/lane.cpp", '#include "store/sqlite/store.hpp"\n'),
    (header_cycles, "token/a.hpp", HEADER + '#include "token/a.hpp"\n'),
    (sql_elsewhere, "api/users.cpp", 'auto rows = run("SELECT id FROM user");\n'),
    (headers_without_guard, "api/users.hpp", "int a;\n"),
    (namespaces_elsewhere, "api/users.hpp", HEADER + "namespace admit::engine {\n}\n"),
    (loose_ends, "api/users.cpp", "// TODO: later\n"),
    (loose_ends, "api/users.cpp", "using namespace std;\n"),
    (loose_ends, "api/users.cpp", 'auto path = "/home/me/data";\n'),
]


@pytest.mark.parametrize("rule, name, text", BREACHES, ids=lambda value: getattr(value, "__name__", None))
def test_rule_finds_a_breach(rule, name, text, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    if rule in (domain_outsiders, impure_domain):
        assert rule(tmp_path)
    else:
        (tmp_path / "domain").mkdir(exist_ok=True)
        assert rule(tmp_path)
    path.unlink()
    assert not rule(tmp_path)
