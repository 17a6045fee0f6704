"""JUnit XML: one test case for each clause, valid, whatever a target has printed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from harness.clauses import Ruling, Verdict
from harness.history.record import History
from harness.history.terms import Terms
from harness.report.junit import write
from harness.run import Outcome
from harness.scenarios import SCENARIOS
from harness.targets.declaration import REFERENCE, Ask

RULINGS = [
    Ruling(1, "readiness-first", Verdict.PASS, "503 at t0+0.021 s"),
    Ruling(12, "keeps-the-grace", Verdict.FAIL, "3 of 40 <clients> & more\x00\x1b[31m were closed early"),
    Ruling(15, "no-cliff", Verdict.UNKNOWN, "only 2 closes"),
    Ruling(29, "monotone", Verdict.EXCLUDED, "the target declares no gauge"),
]


def outcome(scenario: str, rulings: list[Ruling]) -> Outcome:
    return Outcome(
        SCENARIOS[scenario], REFERENCE, Ask(seed=7), History(Terms(REFERENCE, 1.0, None, 1.0, None)), rulings, 0
    )


def written(folder: Path, *outcomes: Outcome) -> ElementTree.Element:
    write(folder / "junit.xml", outcomes)
    return ElementTree.parse(folder / "junit.xml").getroot()


def test_each_clause_is_a_test_case_with_its_verdict_and_evidence(tmp_path: Path) -> None:
    root = written(tmp_path, outcome("drain", RULINGS))
    cases = root.findall("testsuite/testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("drain", "1 readiness-first"),
        ("drain", "12 keeps-the-grace"),
        ("drain", "15 no-cliff"),
        ("drain", "29 monotone"),
    ]
    assert [[child.tag for child in case] for case in cases] == [["system-out"], ["failure"], ["error"], ["skipped"]]
    assert cases[0].findtext("system-out") == "503 at t0+0.021 s"
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.get("message") == failure.text == "3 of 40 <clients> & more??[31m were closed early"


def test_each_scenario_is_a_suite_and_everything_is_counted(tmp_path: Path) -> None:
    root = written(tmp_path, outcome("drain", RULINGS), outcome("hostile", RULINGS[:2]))
    counts = ("tests", "failures", "errors", "skipped")
    assert [root.get(name) for name in counts] == ["6", "2", "1", "1"]
    suites = {suite.get("name"): [suite.get(name) for name in counts] for suite in root.findall("testsuite")}
    assert suites == {"drain": ["4", "1", "1", "1"], "hostile": ["2", "1", "0", "0"]}
    properties = {each.get("name"): each.get("value") for each in root.findall("testsuite[1]/properties/property")}
    assert properties == {"target": REFERENCE.title, "seed": "7", "level": "handover"}
