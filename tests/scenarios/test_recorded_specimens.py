"""Each fault that is put into a recording of the healthy server fails exactly the clauses written beside it."""

from __future__ import annotations

import pytest

from harness.clauses import Verdict
from tests.scenarios.recordings import clauses, not_passed, recording_of, rulings_of, shared_folder
from tests.specimens.recordings import RECORDED
from tests.specimens.recordings.recording import Recording

BY_LOAD = "ten_thousand"  # tests/load/test_ten_thousand.py
HERE = sorted((one for one in RECORDED.values() if one.scenario != BY_LOAD), key=lambda one: one.scenario)
SCENARIOS = list(dict.fromkeys(one.scenario for one in HERE))

pytestmark = [pytest.mark.teeth, pytest.mark.timeout(300)]


@pytest.fixture
def recording(scenario: str, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording_of(scenario, shared_folder(tmp_path_factory))


@pytest.mark.parametrize(("scenario", "name"), [(one.scenario, one.name) for one in HERE])
def test_a_fault_in_a_recording_fails_exactly_the_clauses_written_beside_it(
    recording: Recording, scenario: str, name: str
):
    specimen = RECORDED[name]
    rulings = rulings_of(scenario, specimen.fault(recording))

    assert clauses(rulings, Verdict.FAIL) == specimen.fails, not_passed(rulings)
    assert clauses(rulings, Verdict.UNKNOWN) == set(), not_passed(rulings)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_recording_passes_every_clause_of_its_scenario_after_all_its_faults_were_made(
    recording: Recording, scenario: str
):
    for specimen in HERE:
        if specimen.scenario == scenario:
            specimen.fault(recording)

    assert not_passed(rulings_of(scenario, recording)) == []
