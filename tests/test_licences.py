"""The licences of everything that an installation brings, as its packages state them."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement

# May be used, and passed on, together with code under Apache-2.0.
PERMISSIVE = re.compile(
    r"(MIT|MIT-0|MIT-CMU|MIT LICENSE.*|(3-CLAUSE )?BSD.*|0BSD|APACHE.*|ISC.*|UPL-1\.0|ZLIB|CC0-1\.0|"
    r"PSF-2\.0|PYTHON SOFTWARE FOUNDATION LICENSE|UNLICENSE|HPND)"
)
# Its own files stay under it; a program that imports them does not come under it.
BY_FILE = re.compile(r"(MPL-2\.0|MOZILLA PUBLIC LICENSE 2\.0.*)")
# A library that is imported, and installed by whoever asks for the extra; no plain installation has it.
LESSER_OF_EXTRAS = {"psycopg": "postgres", "psycopg-binary": "postgres", "pymssql": "mssql"}
FOR_DEVELOPERS = {"test", "check", "docs", "dev", "mutate"}  # not handed on


def name_of(text: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def brought_by(extras: tuple[str, ...]) -> set[str]:
    """The packages that an installation with some extras brings, as far as they are installed here."""
    todo, seen, found = [("spot-mlflow", frozenset(extras))], set(), set()
    while todo:
        name, wanted = one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            asked = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        todo += [
            (name_of(r.name), frozenset(r.extras))
            for r in map(Requirement, asked)
            if any(r.marker is None or r.marker.evaluate({"extra": e}) for e in ("", *wanted))
        ]
    return found - {"spot-mlflow"}


def licence_of(name: str) -> str:
    """What a package says of its licence: an expression, classifiers, a field, or the licence's text."""
    package = distribution(name)
    said = package.metadata.get("License-Expression")
    if said:
        return said
    classified = [
        c.rpartition(" :: ")[2]
        for c in package.metadata.get_all("Classifier", [])
        if c.startswith("License ::") and not c.endswith("OSI Approved")
    ]
    if classified:
        return " OR ".join(classified)
    field = (package.metadata.get("License") or "").strip()
    if field:
        return field.splitlines()[0]
    texts = [f for f in package.files or [] if "licen" in f.name.lower()]
    if any("Permission is hereby granted, free of charge" in f.read_text() for f in texts):
        return "MIT"
    return "unknown"


def compatible(expression: str) -> bool:
    """Every part of an expression that holds at once is compatible, of alternatives one."""
    parts = re.sub(r"^\((.*)\)$", r"\1", expression.strip())
    if re.search(r" AND ", parts, flags=re.IGNORECASE):
        return all(map(compatible, re.split(r" AND ", parts, flags=re.IGNORECASE)))
    if re.search(r" OR ", parts, flags=re.IGNORECASE):
        return any(map(compatible, re.split(r" OR ", parts, flags=re.IGNORECASE)))
    said = parts.strip("() ").upper()
    return bool(PERMISSIVE.fullmatch(said) or BY_FILE.fullmatch(said))


def test_a_plain_installation_brings_nothing_under_another_kind_of_licence() -> None:
    """Permissive ones, and the MPL for files of their own."""
    found = {name: licence_of(name) for name in brought_by(())}
    assert len(found) > 50
    assert {name: said for name, said in found.items() if not compatible(said)} == {}


def test_extras_bring_named_exceptions_only() -> None:
    """Two drivers are under the LGPL, each of an extra of its own."""
    extras = set(distribution("spot-mlflow").metadata.get_all("Provides-Extra")) - FOR_DEVELOPERS
    found = {name: licence_of(name) for name in brought_by(tuple(extras))}
    others = {name for name, said in found.items() if not compatible(said)}
    assert others <= set(LESSER_OF_EXTRAS)
    for name in others:
        assert re.search("LGPL|LESSER", licence_of(name)), name
        assert name in brought_by((LESSER_OF_EXTRAS[name],))


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("BSD License OR Apache Software License", True),
        ("GPL-3.0-only", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("AGPL-3.0-only AND MIT", False),
        ("LGPL-3.0-only", False),
        ("unknown", False),
    ],
)
def test_what_is_compatible(said: str, *, good: bool) -> None:
    """Of alternatives one is enough; what holds together must all be compatible; unknown is not."""
    assert compatible(said) is good
