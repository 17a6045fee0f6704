"""Clauses and scenarios register themselves: one place to edit, one order, and nothing registered twice."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clauses import CLAUSES, Judgement, Verdict
from harness.clauses.levels import up_to
from harness.clauses.registry import clause, clause_of_history
from harness.cli import main
from harness.history.record import History
from harness.scenarios import SCENARIOS, that_look_at
from harness.scenarios.scenario import by_position
from harness.targets.known import LAUNCHER
from tests.harness.histories import TERMS, healthy

JUDGED = Judgement(Verdict.PASS, "")
ROOT = Path(__file__).parent.parent.parent
ROOM = ROOT / "harness" / "scenarios"
IN_THE_CONTRACT = [
    int(number) for number in re.findall(r"^(\d+)\. \*\*", (ROOT / "docs" / "contract.md").read_text(), re.MULTILINE)
]


def test_the_clauses_are_those_of_the_contract_in_order_each_with_a_claim_of_one_line() -> None:
    assert list(CLAUSES) == sorted(IN_THE_CONTRACT)
    assert all(each.claim and "\n" not in each.claim for each in CLAUSES.values())
    assert CLAUSES[16].name == "leaves-when-empty"
    assert CLAUSES[16].claim == "Once the last client has left early, the process is gone within 1 s."


@pytest.mark.parametrize(("number", "name"), [(16, "another"), (99, "leaves-when-empty")])
@pytest.mark.parametrize("register", [clause, clause_of_history])
def test_a_second_clause_with_the_same_number_or_name_is_refused(register, number: int, name: str) -> None:
    with pytest.raises(ValueError, match=r"is there already: clause 16 \(leaves-when-empty\)"):
        register(number, name)(lambda _: JUDGED)
    assert list(CLAUSES) == sorted(IN_THE_CONTRACT)


def test_a_clause_of_the_drain_is_unknown_without_a_stop_and_one_of_the_history_is_judged() -> None:
    verdicts = {number: CLAUSES[number].judge(History(TERMS)) for number in (1, 33)}
    assert verdicts[1].evidence == "the target was never told to stop: no signal and no other cause is on record"
    assert verdicts[33].evidence != verdicts[1].evidence
    assert CLAUSES[1].judge(healthy().history()).verdict is Verdict.PASS


def test_run_all_performs_the_scenarios_in_the_order_of_their_positions() -> None:
    assert " ".join(SCENARIOS) == (
        "drain everyone_leaves nobody_there hostile dead_peers hundred_sigterms ctrl_c ctrl_c_twice"
        " operator_forces forced_while_evicting stopped_in_startup stopped_in_a_hanging_startup request_limit reload"
        " frozen_across_the_deadline heavy_work"
        " worker_dies worker_retires broker_dies broker_stalls broker_restarts_empty rolling_deploy abuse ten_thousand"
    )


def test_a_judge_tells_each_scenario_that_applies_above_the_level_clean_and_one_for_each_clause_at_it() -> None:
    told = {
        level: [each.name for each in that_look_at(up_to(level), LAUNCHER.changed(level=level))]
        for level in ("clean", "handover")
    }
    apply = [each for each in SCENARIOS.values() if not each.by_name_only and each.why_excluded(LAUNCHER) is None]
    assert told["handover"] == [each.name for each in apply]
    assert told["clean"] == ["drain", "everyone_leaves", "hostile", "hundred_sigterms", "ctrl_c", "stopped_in_startup"]


def test_every_file_with_a_scenario_is_registered_under_its_own_name() -> None:
    assert set(SCENARIOS) == {file.stem for file in ROOM.glob("*.py") if "\nSCENARIO = " in file.read_text()}


@pytest.mark.parametrize("change", [{"name": "another"}, {"position": 1}])
def test_two_scenarios_cannot_share_a_name_or_a_position(change) -> None:
    drain = SCENARIOS["drain"]
    with pytest.raises(ValueError, match="is taken"):
        by_position([drain, replace(drain, **change)])


def test_the_list_shows_each_clause_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert (
        "\n16  leaves-when-empty (clean)\n    Once the last client has left early, the process is gone within 1 s.\n"
        in listed
    )
    assert all(f"{each.id:>2}  {each.name} ({each.level})\n    {each.claim}\n" in listed for each in CLAUSES.values())
