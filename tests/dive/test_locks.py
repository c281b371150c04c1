"""The locks hold what requirements*.txt ask for, with hashes, and each requirement has its reason in pyproject.toml."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.dive.checkout import LOCKS, REPOSITORY


def requirements(name: str) -> list[Requirement]:
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def locked(name: str) -> dict[tuple[str, str], tuple[Requirement, list[str]]]:
    """(name, marker) → requirement and its hashes."""
    text = (REPOSITORY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        head, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(head)
        entries[canonicalize_name(requirement.name), str(requirement.marker)] = (requirement, hashes)
    return entries


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_one_exact_version_with_sha256_hashes(lock: str) -> None:
    entries = locked(lock)
    assert len(entries) > 100
    for requirement, hashes in entries.values():
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes), requirement


@pytest.mark.parametrize(
    ("asked", "lock"), [("requirements.txt", LOCKS[0]), ("requirements.txt", LOCKS[1]), ("requirements-test.txt", LOCKS[1])]
)
def test_every_requirement_is_in_the_lock_at_a_version_it_allows(asked: str, lock: str) -> None:
    entries = [requirement for requirement, _ in locked(lock).values()]
    for requirement in requirements(asked):
        found = [entry for entry in entries if canonicalize_name(entry.name) == canonicalize_name(requirement.name)]
        assert found, f"{requirement} is not in {lock}: make lock"
        versions = [str(entry.specifier).removeprefix("==") for entry in found]
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement} against {versions}: make lock"


def test_the_testers_lock_holds_the_learners_lock_so_that_one_environment_serves_both() -> None:
    learner, tester = (locked(lock) for lock in LOCKS)
    assert {key: str(r.specifier) for key, (r, _) in learner.items()}.items() <= {
        key: str(r.specifier) for key, (r, _) in tester.items()
    }.items()


def test_every_requirement_has_its_reason_and_no_reason_is_left_over() -> None:
    why = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["shallowdive"]["why"]
    asked = {canonicalize_name(r.name) for name in ("requirements.txt", "requirements-test.txt") for r in requirements(name)}
    assert {canonicalize_name(name) for name in why} == asked
    assert all(len(reason) > 10 for reason in why.values())


def test_no_lock_names_a_package_index() -> None:
    for lock in LOCKS:
        assert "://" not in (REPOSITORY / lock).read_text(encoding="utf-8")
