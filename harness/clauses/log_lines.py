"""What a line of a server's output says: its level, or that something was raised and where.

Owns the forms in which loggers write a level (Python's logging, uvicorn, gunicorn, loguru, structlog, logfmt, JSON,
pino, syslog, klog; padded or coloured) and in which tracebacks are printed (Python and Node; of Go, Rust and Java the
first line). Refuses to know when a line was printed, and whether that is forgiven.

Rules. A level counts where a logger writes one: before the message, or as a field. The word `error` in a message, in an
address or in a quoted request is no level. Of a traceback the exception and its last frame are told, not its heading;
the line of a logger just before it belongs to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

LONGEST_QUOTE = 100
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
BAD = r"(?:ERROR|ERR|CRITICAL|CRIT|FATAL|PANIC|SEVERE|ALERT|EMERG(?:ENCY)?)"
FINE = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?)"
HEADING = re.compile(r"Traceback \(most recent call last\)")
OF_TASKS = re.compile(
    r"Task was destroyed|never retrieved|was never awaited|\bException in\b|UnhandledPromiseRejection"
)
OF_OTHERS = re.compile(r"^(?:panic: |fatal error: |thread '.*' panicked at|Exception in thread|Uncaught )")
FIRST_WORD = re.compile(r"^(?:error|fatal|critical):\s", re.IGNORECASE)  # winston, Go, and whoever prints by hand
SYSLOG = re.compile(r"^<(\d{1,3})>")
KLOG = re.compile(r"^[EF]\d{4} \d\d:\d\d")
FIELD = re.compile(rf"(?:^|\s)(?:level|lvl|severity|loglevel|log\.level)=\"?(?i:{BAD})\b")
KEY = re.compile(rf"\"(?:level|levelname|lvl|severity|loglevel|log\.level|@l)\"\s*:\s*\"(?i:{BAD})\"")
KEYS = ("level", "levelname", "level_name", "lvl", "severity", "loglevel", "log.level", "@l")
ENCLOSED = re.compile(rf"^[^\"']*?[\[|(<]\s*(?i:({BAD})|{FINE})\s*[\]|)>]")
TOKEN = re.compile(rf"^(?:({BAD})|{FINE})(?:[:\]|)].*)?$")
DATED_HOST = re.compile(r"^[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \S+ ")  # RFC 3164
PLAIN_WORD = re.compile(r"^[A-Za-z_][\w.-]*$")
EXCEPTION = re.compile(r"^(?:[\w.]+\.)?([A-Z]\w*[a-z]\w*)(?::|$)")
FRAME = re.compile(r"^[|\s]*File \\?\"(.+?)\\?\", line (\d+)(?:, in (.+))?")
NODE_ERROR, NODE_FRAME = re.compile(r"^(?:Uncaught )?[\w.]*Error\b.*"), re.compile(r"^\s+at .+")
MOST_WORDS = 10


class Complaint(NamedTuple):
    """What line number `line`, or a traceback from there on, says went wrong; `kind`: the same without its details."""

    line: int
    what: str
    kind: str


def complaints(lines: Sequence[str]) -> Iterator[Complaint]:
    """What went wrong, line by line in the order in which they were printed."""
    texts = [COLOURS.sub("", line) for line in lines]
    index = 0
    while index < len(texts):
        end = _end_of_traceback(texts, index)
        if end == index and is_bad(texts[index]) and _end_of_traceback(texts, index + 1) > index + 1:
            index += 1  # what the logger said of the traceback that follows
            continue
        if end > index:
            yield _raised(index, texts[index:end])
        elif is_bad(texts[index]):
            text = texts[index].strip()
            yield Complaint(index, f"printed {text[:LONGEST_QUOTE]!r}", f"printed {re.sub(r'[0-9]+', '#', text)}")
        index = max(end, index + 1)


def is_bad(text: str) -> bool:
    """Whether a line without colours is an error by its level, a warning about a task, or the beginning of a crash."""
    if (
        HEADING.search(text)
        or OF_TASKS.search(text)
        or OF_OTHERS.search(text)
        or KLOG.search(text)
        or FIRST_WORD.search(text)
    ):
        return True
    if syslog := SYSLOG.match(text):
        return int(syslog[1]) % 8 <= 3 or is_bad(text[syslog.end() :])
    if text.lstrip().startswith("{"):
        return _is_bad_object(text)
    if enclosed := ENCLOSED.match(text):
        return enclosed[1] is not None
    level = _level_before_the_message(text)
    return level if level is not None else bool(FIELD.search(text))


def _is_bad_object(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return KEY.search(text) is not None
    level = next((found[key] for key in KEYS if key in found), None)
    if isinstance(level, str):
        return re.fullmatch(BAD, level.upper()) is not None
    # As a number: pino counts up from 10, syslog and GELF count down from 7.
    return isinstance(level, int) and not isinstance(level, bool) and (level >= 50 or 0 <= level <= 3)


def _level_before_the_message(text: str) -> bool | None:
    """Whether the first level in a line is an error's; None where there is none before the message begins.

    Before it may stand a date, numbers, something in brackets, and one plain word: the name of a logger.
    """
    names, marks = 0, 0
    for word in DATED_HOST.sub("1 ", text).split()[:MOST_WORDS]:
        if level := TOKEN.match(word):
            certain = not names or marks or not PLAIN_WORD.match(word)
            return level[1] is not None if certain else None
        if word[0] in "\"'" or "://" in word or word.startswith("/"):
            return None
        if PLAIN_WORD.match(word):
            names += 1
        else:
            marks += 1
        if names > 1:
            return None
    return None


def _end_of_traceback(texts: Sequence[str], index: int) -> int:
    """The line after a traceback that begins at this one; the same index where none does."""
    if index >= len(texts):
        return index
    if HEADING.search(texts[index]):
        end = index + 1
        if "\\n" in texts[index]:  # all of it is in one field of one line
            return end
        while end < len(texts) and (not texts[end].strip() or texts[end][0] in " \t|+"):
            end += 1
        return end + 1 if end < len(texts) and EXCEPTION.match(texts[end]) else end
    if NODE_ERROR.match(texts[index]):
        end = index + 1
        while end < len(texts) and NODE_FRAME.match(texts[end]):
            end += 1
        return end if end > index + 1 else index
    return index


def _raised(line: int, texts: Sequence[str]) -> Complaint:
    """A traceback by its exception and its last frame."""
    if HEADING.search(texts[0]):
        rows = [row for text in texts for row in text.partition('"}')[0].replace("\\n", "\n").splitlines()]
        frames = [found for row in rows if (found := FRAME.match(row))]
        ends = [row if row[:1] not in " |+" else row.lstrip(" ").removeprefix("|").strip() for row in rows if row]
        raised = next((row for row in reversed(ends) if EXCEPTION.match(row)), "")
        where = f"{frames[-1][3] or 'the module'}, {PurePath(frames[-1][1]).name}:{frames[-1][2]}" if frames else ""
    else:
        raised, where = texts[0].removeprefix("Uncaught ").strip(), texts[1].strip().removeprefix("at ")
    somewhere = f" in {where}" if where else ""
    if not raised:
        return Complaint(line, f"printed a traceback without its end{somewhere}", "a traceback")
    name = EXCEPTION.match(raised)
    kind = f"raised {name[1] if name else raised}{somewhere}"
    return Complaint(line, f"raised {raised[:LONGEST_QUOTE]!r}{somewhere}", kind)
