"""A decision as Markdown for a pull request, and as JUnit XML for a pipeline's test report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only written, never parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.requirements import Requirement

_XML_1_0_CONTROLS = dict.fromkeys(c for c in range(32) if chr(c) not in "\t\n\r")


def markdown(decision: GateDecision) -> str:
    """Returns a verdict line, a table of what fails or is waived, and what is met in one line."""
    sign = "✅" if decision.satisfied else ("⚠️" if decision.allowed else "⛔")
    lines = [f"**{sign} {_cell(decision.verdict)}** (policy {_cell(decision.policy)})", ""]
    shown = [r for r in decision.requirements if not r.met] if decision.basis != "rollback" else []
    if shown:
        lines += ["| | measured | required | who | fix |", "|---|---|---|---|---|"]
        lines += [_row(r) for r in shown]
        lines.append("")
    met = [r.title for r in decision.requirements if r.met]
    if met:
        lines += [f"Met ({len(met)}): {', '.join(met)}.", ""]
    lines += [f"> {_cell(note)}" for note in decision.notes]
    return "\n".join(lines).rstrip() + "\n"


def _row(requirement: Requirement) -> str:
    fix = f"waived: {_cell(requirement.waived)}" if requirement.waived else f"`{requirement.fix}`"
    cells = (requirement.title, requirement.measured, requirement.required, requirement.who)
    escaped = fix.replace("|", "\\|")
    return f"| {' | '.join(_cell(c) for c in cells)} | {escaped} |"


def _cell(text: str) -> str:
    """Keeps what people wrote from becoming markup or another column."""
    plain = " ".join(text.split())
    for sign in ("\\", "|", "<", ">", "*", "_", "`", "[", "]"):
        plain = plain.replace(sign, f"\\{sign}" if sign != "<" else "&lt;")
    return plain


def markdown_error(model: str, target: str, said: str) -> str:
    """Returns the line of a question that could not be decided."""
    to = f" to {_cell(target)}" if target else ""
    return f"**❔ {_cell(model)}{to} could not be decided**: {_cell(said)}\n"


def junit(decisions: Sequence[GateDecision], unread: Sequence[tuple[str, str]] = ()) -> str:
    """Returns JUnit XML: a suite for each decision, a test case for each requirement.

    A requirement that is not met is a failure where it refuses, and skipped where a waiver or the
    mode lets it pass, so that the report and the exit status agree. What could not be decided is an
    error.

    Args:
        decisions: in the order of the suites.
        unread: (model, cause) of those that could not be decided.
    """
    root = ET.Element("testsuites", name="spot gate")
    for decision in decisions:
        cases = decision.requirements if decision.basis == "requirements" else ()
        failed = [r for r in cases if not r.passes and not decision.allowed]
        skipped = [r for r in cases if not r.met and r not in failed]
        name = f"{decision.model}/{decision.version} to {decision.target}"
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_text(name),
            tests=str(max(1, len(cases))),
            failures=str(len(failed)),
            errors="0",
            skipped=str(len(skipped)),
            timestamp=decision.at.replace(tzinfo=None).isoformat(timespec="seconds"),
        )
        for r in cases:
            _case(suite, decision, r, failed=r in failed)
        if not cases:
            ET.SubElement(suite, "testcase", classname=_text(name), name=decision.basis, time="0")
        ET.SubElement(suite, "system-out").text = _text(decision.explain())
    for name, said in unread:
        _error_suite(root, name, "unread", said)
    return _document(root)


def junit_error(model: str, target: str, kind: str, said: str) -> str:
    """Returns JUnit XML of a question that could not be decided: one test case, one error.

    Args:
        model: as it was asked for.
        target: stage or "@alias".
        kind: of error.
        said: what is wrong and what to do.
    """
    root = ET.Element("testsuites", name="spot gate")
    _error_suite(root, f"{model} to {target}", kind, said)
    return _document(root)


def _error_suite(root: ET.Element, name: str, kind: str, said: str) -> None:
    suite = ET.SubElement(
        root, "testsuite", name=_text(name), tests="1", failures="0", errors="1", skipped="0"
    )
    case = ET.SubElement(
        suite, "testcase", classname=_text(name), name="could be decided", time="0"
    )
    ET.SubElement(case, "error", message=_text(said), type=kind).text = _text(said)


def _document(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(
    suite: ET.Element, decision: GateDecision, requirement: Requirement, *, failed: bool
) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_text(f"{decision.model}.{decision.target}"),
        name=requirement.name,
        time="0",
    )
    said = _text(f"{requirement.measured}; required: {requirement.required}")
    if failed:
        failure = ET.SubElement(case, "failure", message=said, type=requirement.name)
        failure.text = _text(f"{requirement.why}\nAsk {requirement.who}: {requirement.fix}")
    elif not requirement.met:
        why = f"waived: {requirement.waived}" if requirement.waived else f"mode {decision.mode}"
        ET.SubElement(case, "skipped", message=_text(f"{said} ({why})"))


def _text(value: str) -> str:
    """Drops the control characters that XML 1.0 cannot hold."""
    return value.translate(_XML_1_0_CONTROLS)


def overview(decisions: Iterable[GateDecision]) -> str:
    """Returns who would be refused, in one line, each model counted by the first thing missing.

    "271 of 300 would be refused: 240 recent assessment, 31 predicted lift recorded".
    """
    all_of_them = list(decisions)
    refused = [d for d in all_of_them if not d.satisfied]
    if not refused:
        return f"all {len(all_of_them)} would be allowed"
    causes = Counter(d.missing[0].title.lower() if d.missing else "unread" for d in refused)
    said = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
    return f"{len(refused)} of {len(all_of_them)} would be refused: {said}"
