"""A release is built from one version, tested, listed and signed, and no password is kept for it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_the_version_has_one_place() -> None:
    """The project takes it from the package; nowhere else is it written as a number."""
    version = re.search(r'__version__ = "(.+)"', (ROOT / "spot_mlflow" / "version.py").read_text())
    assert version
    assert 'dynamic = ["version"]' in PROJECT
    assert 'path = "spot_mlflow/version.py"' in PROJECT
    folders = ("spot_mlflow", "plugins", "checks", "cli")
    again = [
        str(file.relative_to(ROOT))
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        if f'"{version[1]}"' in file.read_text(encoding="utf-8") and file.name != "version.py"
    ]
    assert again == []


def test_only_the_job_that_publishes_may_sign_and_it_keeps_no_password() -> None:
    """Trusted publishing with attestations: a token of the run, in an environment that somebody approves."""
    assert WORKFLOW["permissions"] == {"contents": "read"}
    jobs = WORKFLOW["jobs"]
    assert [n for n, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "release"
    last = jobs["publish"]["steps"][-1]
    assert last["uses"].startswith("pypa/gh-action-pypi-publish@")
    assert last["with"] == {"attestations": True}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def test_what_is_published_has_the_tag_s_version_and_a_list_of_its_parts() -> None:
    """A tag that is not the version stops the build; the list is CycloneDX, kept beside the packages."""
    said = " ".join(step.get("run", "") for step in WORKFLOW["jobs"]["build"]["steps"])
    assert "GITHUB_REF_NAME" in said
    assert "python -m build" in said
    assert "make sbom" in said
    assert "cyclonedx-py environment" in (ROOT / "Makefile").read_text()
    assert WORKFLOW["jobs"]["publish"]["needs"] == "build"


def test_the_pythons_that_are_named_are_those_of_the_matrix() -> None:
    """Every Python that the package names has a row, so that somebody has tried it."""
    named = set(re.findall(r"Python :: (3\.\d+)", PROJECT))
    rows = set(
        re.findall(r'Row\(\s*"[^"]+",\s*"(3\.\d+)"', (ROOT / "tests" / "matrix.py").read_text())
    )
    assert named
    assert named <= rows
