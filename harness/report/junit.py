"""The report for CI: JUnit XML, one test suite a scenario, one test case a clause.

Owns what becomes of a verdict: a failed clause is a `failure`, an unknown one an `error`, an excluded one
`skipped`, each with the evidence; a clause that passes has its evidence as output. One that is not counted, because it
is above the asked level or known to fail, is `skipped` as well if it does not pass, and says why. A clause that is
known to fail and passes wherever it was looked at is a failure of a suite of its own, `known`. A failure that follows
from another one says so first. The claims of a scenario (`harness.clauses.claims`) are cases as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from ..clauses import Ruling, Verdict
from ..clauses.levels import standing_of
from ..run import Outcome

ELEMENTS = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error", Verdict.EXCLUDED: "skipped"}
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(outcomes: Sequence[Outcome]) -> ElementTree.ElementTree[ElementTree.Element]:
    """All outcomes as one document."""
    root = ElementTree.Element("testsuites", name="ebb")
    for outcome in outcomes:
        suite = ElementTree.SubElement(root, "testsuite", name=outcome.scenario.name)
        properties = ElementTree.SubElement(suite, "properties")
        said = {"target": outcome.profile.title, "seed": str(outcome.ask.seed), "level": outcome.profile.level}
        for name, value in said.items():
            ElementTree.SubElement(properties, "property", name=name, value=legal(value))
        for ruling in [*outcome.rulings, *outcome.claims]:
            _add_case(suite, outcome, ruling)
    _add_outdated(root, outcomes)
    for element in (*root.findall("testsuite"), root):
        element.attrib.update(_counts(element))
    ElementTree.indent(root)
    return ElementTree.ElementTree(root)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the document. Raises OSError where it cannot."""
    report(outcomes).write(path, encoding="utf-8", xml_declaration=True)


def legal(text: str) -> str:
    """The text without the characters that XML cannot hold; a target may have printed any."""
    return NOT_IN_XML.sub("?", text)


def _add_case(suite: ElementTree.Element, outcome: Outcome, ruling: Ruling) -> None:
    name, evidence = f"{ruling.id or ''} {ruling.name}".strip(), legal(ruling.evidence)
    case = ElementTree.SubElement(suite, "testcase", classname=outcome.scenario.name, name=name, time="0")
    element = ELEMENTS.get(ruling.verdict)
    remark = outcome.standing.remark(ruling.id) if ruling.id else ""
    if element in ("failure", "error") and remark:
        element, evidence = "skipped", legal(f"{remark}: {ruling.verdict}: {ruling.evidence}")
    elif ruling.follows_from is not None:
        evidence = f"follows from {ruling.follows_from}: {evidence}"
    if element is None:
        ElementTree.SubElement(case, "system-out").text = evidence
    else:
        to_do = f"\nto do: {ruling.to_do}" if ruling.to_do and ruling.follows_from is None else ""
        ElementTree.SubElement(case, element, message=evidence).text = evidence + to_do


def _add_outdated(root: ElementTree.Element, outcomes: Sequence[Outcome]) -> None:
    """What is known to fail and passes everywhere; all outcomes of a command are about one target."""
    rulings = [ruling for outcome in outcomes for ruling in outcome.rulings]
    standing = standing_of(outcomes[0].profile, rulings)
    suite = ElementTree.SubElement(root, "testsuite", name="known") if standing.outdated else root
    for number in standing.outdated:
        case = ElementTree.SubElement(suite, "testcase", classname="known", name=f"{number}", time="0")
        message = legal(f"it passes, and is known to fail: {standing.known[number].reason}")
        ElementTree.SubElement(case, "failure", message=message).text = message


def _counts(element: ElementTree.Element) -> dict[str, str]:
    """How many cases are in it, and of them how many are no pass."""
    found = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    return {name: str(len(list(element.iter(tag)))) for name, tag in found.items()}
