"""The report for CI: JUnit XML, one test suite a scenario, one test case a clause.

Owns what becomes of a verdict: a failed clause is a `failure`, an unknown one an `error`, an excluded one
`skipped`, each with the evidence; a clause that passes has its evidence as output.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from ..clauses import Ruling, Verdict
from ..run import Outcome

ELEMENTS = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error", Verdict.EXCLUDED: "skipped"}
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(outcomes: Sequence[Outcome]) -> ElementTree.ElementTree[ElementTree.Element]:
    """All outcomes as one document."""
    root = ElementTree.Element(
        "testsuites", {"name": "ebb", **_counts(one for each in outcomes for one in each.rulings)}
    )
    for outcome in outcomes:
        suite = ElementTree.SubElement(root, "testsuite", {"name": outcome.scenario.name, **_counts(outcome.rulings)})
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (("target", outcome.profile.title), ("seed", str(outcome.ask.seed))):
            ElementTree.SubElement(properties, "property", name=name, value=legal(value))
        for ruling in outcome.rulings:
            _add_case(suite, outcome.scenario.name, ruling)
    ElementTree.indent(root)
    return ElementTree.ElementTree(root)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the document. Raises OSError where it cannot."""
    report(outcomes).write(path, encoding="utf-8", xml_declaration=True)


def legal(text: str) -> str:
    """The text without the characters that XML cannot hold; a target may have printed any."""
    return NOT_IN_XML.sub("?", text)


def _add_case(suite: ElementTree.Element, scenario: str, ruling: Ruling) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=scenario, name=f"{ruling.id} {ruling.name}", time="0")
    evidence = legal(ruling.evidence)
    if element := ELEMENTS.get(ruling.verdict):
        ElementTree.SubElement(case, element, message=evidence).text = evidence
    else:
        ElementTree.SubElement(case, "system-out").text = evidence


def _counts(rulings: Iterable[Ruling]) -> dict[str, str]:
    found = Counter(ruling.verdict for ruling in rulings)
    numbers = {"failures": found[Verdict.FAIL], "errors": found[Verdict.UNKNOWN], "skipped": found[Verdict.EXCLUDED]}
    return {"tests": str(found.total())} | {name: str(number) for name, number in numbers.items()}
