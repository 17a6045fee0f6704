"""A level is read where a logger writes one, in whatever form; a traceback is told by its exception and last frame."""

from __future__ import annotations

import pytest

from harness.clauses.log_lines import complaints, is_bad

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/srv/shop/app.py", line 12, in run',
    "    serve()",
    '  File "/srv/shop/chat.py", line 40, in on_message',
    "    raise ValueError('no luck')",
    "ValueError: no luck",
]


@pytest.mark.parametrize(
    "line",
    [
        "ERROR:root:boom",
        "ERROR:    Exception was raised",
        "error: listener gone",
        "Error: write after end",
        "CRITICAL: no",
        "[2026-01-01 10:00:00 +0000] [7] [ERROR] no",
        "2026-01-01 10:00:00,123 ERROR    boom",
        "2026-01-01 10:00:00,123 - shop.chat - ERROR - boom",
        "2026-01-01 10:00:00.123 | ERROR    | shop.chat:on_message:40 - boom",
        "2026-01-01T10:00:00Z [error    ] boom           [shop.chat]",
        "2026/01/01 10:00:00 [error] 12#0: *1 boom",
        "[2026-01-01T10:00:00Z ERROR shop] boom",
        "worker 1: ERROR: boom",
        "ts=2026-01-01 level=error msg=boom",
        'level="ERROR" msg=boom',
        "severity=critical msg=boom",
        '{"level": "error", "message": "x"}',
        '{"levelname":"ERROR"}',
        '{"time": 1, "log.level": "FATAL"}',
        '{"level": 50, "msg": "of pino"}',
        '{"level": 3, "short_message": "of GELF"}',
        '{"level": "error", "message": "cut off',
        "<3>shop[7]: boom",
        "<14>shop[7]: ERROR: boom",
        "Jan  1 10:00:00 host shop[7]: ERROR: boom",
        "E0101 10:00:00.000000       7 chat.go:40] boom",
        "panic: runtime error: index out of range",
        "thread 'main' panicked at src/main.rs:4:5:",
        'Exception in thread "main" java.lang.NullPointerException',
        "Task was destroyed but it is pending!",
        "RuntimeWarning: coroutine 'x' was never awaited",
        "Exception in callback f()",
        "\x1b[31mERROR\x1b[0m:    boom",
        "ERROR",
    ],
)
def test_an_error_is_known_in_every_form(line: str) -> None:
    assert [complaint.line for complaint in complaints([line])] == [0]


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     0 ERRORS, 0 errors: fine",
        'INFO:     127.0.0.1:5000 - "GET /error HTTP/1.1" 500 Internal Server Error',
        '127.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET /ERROR?level=error HTTP/1.1" 200 5',
        "GET /api/ERROR 200 12 ms",
        "GET http://shop/ERROR 200",
        "2026-01-01 10:00:00 INFO     shop: no ERROR so far",
        "2026-01-01 | INFO     | shop:run:1 - [ERROR] is a word here",
        "2026-01-01 [info     ] error handler installed",
        "the ERROR handler is installed",
        "handling ERROR pages",
        "an error page was asked for",
        "'ERROR' is a word",
        "ts=1 level=info msg=error",
        "GET /?level=error",
        '{"level": "info", "message": "level error"}',
        '{"level": 30, "error": "none"}',
        '{"level": true}',
        '{"message": "no level"}',
        '{"event": "cut off',
        "<6>shop[7]: fine",
        "I0101 10:00:00.000000       7 chat.go:40] fine",
        "one two three four",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "",
    ],
)
def test_the_word_elsewhere_is_no_level(line: str) -> None:
    assert list(complaints([line])) == []


def test_a_traceback_is_one_complaint_with_its_exception_and_its_last_frame() -> None:
    (told,) = complaints(["INFO: before", *TRACEBACK, "INFO: after"])
    assert told == (
        1,
        "raised 'ValueError: no luck' in on_message, chat.py:40",
        "raised ValueError in on_message, chat.py:40",
    )


def test_what_a_logger_says_just_before_it_belongs_to_it() -> None:
    assert [told.line for told in complaints(["ERROR:    Exception in ASGI application", *TRACEBACK])] == [1]


def test_two_tracebacks_are_two_complaints_of_one_kind_if_only_the_message_differs() -> None:
    other = [*TRACEBACK[:-1], "ValueError: no luck either"]
    first, second = complaints([*TRACEBACK, "", *other])
    assert first.kind == second.kind
    assert first.what != second.what


def test_a_group_of_exceptions_is_one_complaint() -> None:
    lines = [
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "app.py", line 1, in <module>',
        "  | ExceptionGroup: two (1 sub-exception)",
        "  +-+---------------- 1 ----------------",
        "    | ValueError: no luck",
        "    +------------------------------------",
        "INFO: after",
    ]
    (told,) = complaints(lines)
    assert told.what == "raised 'ValueError: no luck' in <module>, app.py:1"


def test_a_traceback_in_one_line_of_json_is_read_as_well() -> None:
    line = r'{"level": "error", "exc": "Traceback (most recent call last):\n  File \"/a.py\", line 1\nOSError: gone"}'
    assert [told.what for told in complaints([line, "Next: line"])] == ["raised 'OSError: gone' in the module, a.py:1"]


def test_a_traceback_that_is_cut_off_is_told_as_far_as_it_goes() -> None:
    assert [told.what for told in complaints(TRACEBACK[:3])] == [
        "printed a traceback without its end in run, app.py:12"
    ]
    assert [told.what for told in complaints(TRACEBACK[:1])] == ["printed a traceback without its end"]


def test_a_stack_of_node_is_a_traceback_too() -> None:
    lines = [
        "Uncaught Error: write after end",
        "    at send (/srv/chat.js:40:9)",
        "    at run (/srv/chat.js:12:1)",
        "x",
    ]
    assert [told.what for told in complaints(lines)] == ["raised 'Error: write after end' in send (/srv/chat.js:40:9)"]


def test_an_error_of_node_without_a_stack_is_only_a_word() -> None:
    assert list(complaints(["TypeError was expected"])) == []


def test_messages_that_differ_by_a_number_are_of_one_kind() -> None:
    first, second = complaints(["ERROR: client 1 failed", "ERROR: client 22 failed"])
    assert first.kind == second.kind


def test_a_heading_alone_is_bad() -> None:
    assert is_bad("Traceback (most recent call last):")
