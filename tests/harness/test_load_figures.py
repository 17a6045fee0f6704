"""What several runs of the bench say together, and how it is told and drawn."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.load import plot, record
from harness.load.figures import FIGURES, Measured, Spread, ratios, spreads
from harness.load.report import LoadReport
from harness.load.room import Cores
from harness.load.servers import KNOWN
from harness.load.usage import TICKS_PER_S, Usage, read

SVG = "{http://www.w3.org/2000/svg}"


def run(server: str, number: int, clients: int = 100, **figures: float) -> Measured:
    return Measured(server, clients, number, figures, {"1012": clients})


def test_a_spread_is_the_median_and_both_ends():
    measured = [run("ebb", number, fanout_per_s=rate) for number, rate in enumerate((5.0, 1.0, 3.0), start=1)]

    assert spreads(measured, "ebb", 100) == {"fanout_per_s": Spread(median=3.0, least=1.0, most=5.0)}


def test_other_servers_and_other_numbers_of_clients_do_not_count():
    measured = [run("ebb", 1, rss_bytes=1.0), run("limit", 1, rss_bytes=2.0), run("ebb", 1, 300, rss_bytes=3.0)]

    assert spreads(measured, "ebb", 100)["rss_bytes"].median == 1.0


def test_what_was_not_measured_is_absent():
    measured = [run("ebb", 1, fanout_per_s=2.0), run("ebb", 2)]

    assert spreads(measured, "ebb", 100) == {"fanout_per_s": Spread(2.0, 2.0, 2.0)}
    assert spreads(measured, "limit", 100) == {}


def test_a_ratio_is_taken_within_one_run_before_the_median_is():
    measured = [
        *(run("ebb", 1, fanout_per_s=10.0), run("limit", 1, fanout_per_s=20.0)),
        *(run("ebb", 2, fanout_per_s=30.0), run("limit", 2, fanout_per_s=40.0)),
        *(run("ebb", 3, fanout_per_s=90.0), run("limit", 3, fanout_per_s=100.0)),
    ]

    assert ratios(measured, "ebb", "limit", 100) == {"fanout_per_s": Spread(median=0.75, least=0.5, most=0.9)}


def test_a_run_that_one_of_the_two_lacks_gives_no_ratio():
    measured = [
        *(run("ebb", 1, fanout_per_s=10.0), run("limit", 1)),
        *(run("ebb", 2, fanout_per_s=10.0), run("limit", 2, fanout_per_s=0.0)),
        run("ebb", 3, fanout_per_s=10.0),
    ]

    assert ratios(measured, "ebb", "limit", 100) == {}


def test_counts_of_errors_are_not_compared():
    measured = [run("ebb", 1, errors=1.0), run("limit", 1, errors=2.0)]

    assert ratios(measured, "ebb", "limit", 100) == {}


def test_the_report_shows_medians_spreads_ratios_and_close_codes():
    out = io.StringIO()
    measured = [
        *(run("ebb", 1, fanout_per_s=1000.0), run("limit", 1, fanout_per_s=2000.0, bytes_per_connection=100.0)),
        *(run("ebb", 2, fanout_per_s=3000.0), run("limit", 2, fanout_per_s=2000.0, bytes_per_connection=100.0)),
    ]

    LoadReport(out).conclude(measured, ["ebb", "limit"], [100])

    told = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "100 clients, median of 2 runs (least to most)" in told
    assert "fan-out, frames a second 2,000 (1,000 to 3,000) 2,000" in told
    assert "memory a connection, kB - 0.1" in told
    assert "fan-out, frames a second 1.00 (0.50 to 1.50)" in told
    assert "ebb closed with 1012: 200" in told


def test_a_run_is_told_in_one_line_and_each_note_in_another():
    out = io.StringIO()

    LoadReport(out).show(Measured("ebb", 9, 1, {"fanout_per_s": 5000.0, "last_p50_ms": 1.234}, {}, ("it froze",)))

    assert out.getvalue().splitlines() == ["  ebb 1: 5,000 frames/s, 1.23 ms to the last client", "  ebb 1: it froze"]


def test_the_record_keeps_every_run_and_what_they_say_together(tmp_path: Path):
    measured = [run("ebb", 1, rss_bytes=6.0), run("limit", 1, rss_bytes=3.0)]
    servers = [KNOWN["ebb"], KNOWN["limit"]]

    record.write(tmp_path / "f.json", measured, servers, [100], "c", Cores(0, 1))

    kept = json.loads((tmp_path / "f.json").read_text())
    assert kept["machine"]["pinned"] == {"server": 0, "clients": 1}
    assert [(one["server"], one["figures"]) for one in kept["runs"]] == [
        *(("ebb", {"rss_bytes": 6.0}), ("limit", {"rss_bytes": 3.0}))
    ]
    two = {"median": 2.0, "least": 2.0, "most": 2.0}
    assert kept["ratios"] == [{"of": "ebb", "to": "limit", "clients": 100, "figures": {"rss_bytes": two}}]


def test_the_plot_has_a_panel_a_figure_and_a_line_a_server():
    measured = [
        run(server, number, clients, fanout_per_s=clients * number, close_all_s=0.1)
        for server in ("ebb", "<limit>")
        for clients in (100, 1000, 10_000)
        for number in (1, 2)
    ]

    drawn = ET.fromstring(plot.draw(measured, ["ebb", "<limit>"], [100, 1000, 10_000]))

    assert len(drawn.findall(f"{SVG}g")) == 2
    lines = drawn.findall(f".//{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 3, 3]
    texts = {text.text for text in drawn.iter(f"{SVG}text")}
    assert {"<limit>", "10,000", "all closed, s", "fan-out, frames a second"} <= texts


def test_more_is_drawn_higher_and_equal_values_in_the_middle():
    scale = plot.Scale(10, 1000, 100, 0)

    assert [scale.at(value) for value in (10, 100, 1000)] == [100, pytest.approx(50), 0]
    assert scale.marks() == [10, 100, 1000]
    assert plot.Scale(7, 7, 100, 0).at(7) == pytest.approx(50)


def test_nothing_that_was_plotted_is_unknown():
    assert set(plot.PANELS) <= set(FIGURES)


def test_memory_and_cpu_are_read_as_proc_tells_them():
    smaps = "00-ff ---p 00000000 00:00 0 [rollup]\nRss:    1708 kB\nPss:     432 kB\nPss_Dirty:  112 kB\n"
    stat = "42 (a ) name) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 1 0 5 6 7"

    assert read(smaps, stat) == Usage(pss_bytes=432 * 1024, rss_bytes=1708 * 1024, cpu_s=300 / TICKS_PER_S)
