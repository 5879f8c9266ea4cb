"""Line protocol, read as InfluxDB 2 reads it: byte by byte, with its ways of seeing escapes.

After ``models/points.go`` and ``pkg/escape`` of InfluxDB: a backslash hides the byte behind it
while the fields are looked for, only the byte before an ``=`` is looked at where a field's name
ends, and only ``, " =`` and a space lose a backslash that stands before them.
"""

import re
from typing import NamedTuple

from tests.history.flux_engine import Value


class BadLine(Exception):
    """``unable to parse '…'``."""


class Line(NamedTuple):
    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    at: int | None


def lines_in(body: bytes) -> list[Line]:
    lines = []
    while body:
        end = line_end(body)
        line, body = body[:end], body[end + 1 :]
        if line.strip() and not line.lstrip().startswith(b"#"):
            lines.append(parse(line))
    return lines


def line_end(body: bytes) -> int:
    at, quoted, in_fields, equals, commas = 0, False, False, 0, 0
    while at < len(body):
        byte = body[at : at + 1]
        if byte == b"\\":
            at += 2
            continue
        if byte == b" ":
            in_fields = True
        if in_fields and not quoted and byte == b"=":
            equals += 1
        elif in_fields and not quoted and byte == b",":
            commas += 1
        elif in_fields and byte == b'"' and equals > commas:
            quoted = not quoted
        elif byte == b"\n" and not quoted:
            return at
        at += 1
    return min(at, len(body))


def parse(line: bytes) -> Line:
    head, rest = key_of(line)
    fields, rest = fields_of(rest)
    at = rest.strip()
    if at and not re.fullmatch(rb"-?[0-9]+", at):
        raise BadLine("bad timestamp")
    measurement, *tags = re.split(rb"(?<!\\),", head)
    pairs = dict(re.split(rb"(?<!\\)=", tag, maxsplit=1) for tag in tags)
    if not measurement or not all(pairs.values()) or not all(pairs):
        raise BadLine("missing tag value")
    return Line(
        re.sub(rb"\\([, ])", rb"\1", measurement).decode(),
        {unescaped_tag(name): unescaped_tag(value) for name, value in pairs.items()},
        dict(split_fields(fields)),
        int(at) if at else None,
    )


def unescaped_tag(text: bytes) -> str:
    return re.sub(rb"\\([,= ])", rb"\1", text).decode()


def key_of(line: bytes) -> tuple[bytes, bytes]:
    at = 0
    while at < len(line):
        if line[at : at + 1] == b"\\":
            at += 2
        elif line[at : at + 1] == b" ":
            return line[:at], line[at:].lstrip(b" ")
        else:
            at += 1
    raise BadLine("missing fields")


def fields_of(text: bytes) -> tuple[bytes, bytes]:
    at, quoted, equals, commas = 0, False, 0, 0
    while at < len(text):
        byte = text[at : at + 1]
        if byte == b"\\" and at + 1 < len(text):
            at += 2
            continue
        if byte == b'"' and equals > commas:
            quoted = not quoted
        elif byte == b"=" and not quoted:
            equals += 1
            before, two = text[at - 1 : at], text[at - 2 : at - 1]
            if at == 0 or (before in (b" ", b",") and two != b"\\"):
                raise BadLine("missing field key")
            if text[at + 1 : at + 2] in (b"", b",", b" "):
                raise BadLine("missing field value")
        elif byte == b"," and not quoted:
            commas += 1
        elif byte == b" " and not quoted:
            break
        at += 1
    if quoted:
        raise BadLine("unbalanced quotes")
    if equals == 0 or commas != equals - 1:
        raise BadLine("invalid field format")
    return text[:at], text[at:]


def split_fields(text: bytes) -> list[tuple[str, Value]]:
    fields = []
    while text:
        at = 0
        while at < len(text) and not (text[at : at + 1] == b"=" and text[at - 1 : at] != b"\\"):
            at += 1
        name, text = text[:at], text[at + 1 :]
        raw, text = value_of(text)
        fields.append((re.sub(rb'\\([," =])', rb"\1", name).decode(), typed(raw)))
        text = text[1:]
    return fields


def value_of(text: bytes) -> tuple[bytes, bytes]:
    at, quoted = 0, False
    while at < len(text):
        if text[at : at + 1] == b"\\" and text[at + 1 : at + 2] in (b'"', b"\\"):
            at += 2
            continue
        if text[at : at + 1] == b'"':
            quoted = not quoted
        elif text[at : at + 1] == b"," and not quoted:
            break
        at += 1
    return text[:at], text[at:]


def typed(raw: bytes) -> Value:
    text = raw.decode()
    if text.startswith('"'):
        return Value("string", re.sub(r'\\([\\"])', r"\1", text[1:-1]))
    if text in ("t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"):
        return Value("bool", text[0] in "tT")
    if re.fullmatch(r"-?[0-9]+i", text):
        return Value("int", int(text[:-1]))
    if re.fullmatch(r"[0-9]+u", text):
        return Value("uint", int(text[:-1]))
    if re.fullmatch(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text):
        return Value("float", float(text))
    raise BadLine("invalid number")
