"""A small interpreter of Flux, for the subset that ``egizcore.history.flux`` speaks.

It reads the text as Flux's grammar does, knows only documented functions with their documented
parameters, and refuses everything else, so that a question which InfluxDB would not take fails
here too.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)'
    r"|(?P<mark>\|>|=>|==|[()\[\],:.]))"
)
MS: Final = 1_000_000
INF: Final = 1 << 62


class FluxError(Exception):
    """What InfluxDB would answer 400 to."""


class Lambda(NamedTuple):
    parameter: str
    body: "Expression"


class Call(NamedTuple):
    name: str
    arguments: dict[str, Any]


class Member(NamedTuple):
    record: str
    column: str


class Name(NamedTuple):
    name: str


class Binary(NamedTuple):
    operator: str
    left: Any
    right: Any


Expression = Any


class Value(NamedTuple):
    """A value with the type that InfluxDB gives it: float, int, uint, string or bool."""

    kind: str
    value: Any


@dataclass
class Table:
    """Rows of the same columns. Group columns have the same value in each row."""

    key: dict[str, tuple[str, Any]]  # column → type and value
    kind: str  # of _value
    rows: list[dict[str, Any]] = field(default_factory=list)  # _time, _value


class Parser:
    """A recursive descent over the tokens of a query."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None:
                raise FluxError(f"error @{at}: invalid expression: {text[at : at + 10]!r}")
            kind = found.lastgroup or ""
            self.tokens.append((kind, found[kind]))
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if not token or (wanted is not None and token != wanted):
            raise FluxError(f"expected {wanted or 'more'}, got {token or 'EOF'!r}")
        self.at += 1
        return token

    def query(self) -> tuple[set[str], list[Call]]:
        """The imports, and the calls that are piped into each other."""
        imports = set()
        while self.peek() == "import":
            self.take()
            imports.add(self.take().strip('"'))
        calls = [self.call(self.take())]
        while self.peek() == "|>":
            self.take()
            calls.append(self.call(self.take()))
        if self.peek():
            raise FluxError(f"unexpected {self.peek()!r}")
        return imports, calls

    def call(self, name: str) -> Call:
        self.take("(")
        arguments: dict[str, Any] = {}
        while self.peek() != ")":
            argument = self.take()
            self.take(":")
            if argument in arguments:
                raise FluxError(f"{argument} stands twice")
            arguments[argument] = self.expression()
            if self.peek() != ")":
                self.take(",")
        self.take(")")
        return Call(name, arguments)

    def expression(self) -> Expression:
        if self.peek() == "(" and self.tokens[self.at + 2][1] == ")":
            self.take("(")
            parameter = self.take()
            self.take(")")
            self.take("=>")
            return Lambda(parameter, self.expression())
        left = self.comparison()
        while self.peek() == "or":
            left = Binary(self.take(), left, self.comparison())
        return left

    def comparison(self) -> Expression:
        left = self.unary()
        return Binary(self.take(), left, self.unary()) if self.peek() == "==" else left

    def unary(self) -> Expression:
        if self.peek() == "[":
            self.take()
            items = []
            while self.peek() != "]":
                items.append(self.expression())
                if self.peek() != "]":
                    self.take(",")
            self.take("]")
            return items
        kind, token = self.tokens[self.at]
        self.take()
        if kind == "text":
            return Value("string", token[1:-1])
        if kind == "number":
            return Value("int", int(token))
        if kind != "name":
            raise FluxError(f"unexpected {token!r}")
        if token in ("true", "false"):
            return Value("bool", token == "true")
        if self.peek() == "[":
            self.take()
            column = self.take().strip('"')
            self.take("]")
            return Member(token, column)
        if self.peek() == ".":
            self.take()
            column = self.take()
            return self.call(f"{token}.{column}") if self.peek() == "(" else Member(token, column)
        return Name(token)


def run(
    text: str, extern: Mapping[str, Any], series: "Callable[[str], Iterator[Table]]"
) -> list[Table]:
    """What the query *text* answers; *extern* are the options that came with it."""
    imports, calls = Parser(text).query()
    engine = _Engine(imports, extern, series)
    tables: list[Table] = []
    for call in calls:
        tables = engine.step(call, tables)
    if engine.begun < 2:
        raise FluxError("cannot submit unbounded read; try bounding 'from' with a call to 'range'")
    return tables


class _Engine:
    def __init__(
        self,
        imports: set[str],
        extern: Mapping[str, Any],
        series: "Callable[[str], Iterator[Table]]",
    ) -> None:
        if unknown := imports - {"strings", "types"}:
            raise FluxError(f"package {unknown} is unknown")
        self.imports = imports
        self.extern = extern
        self.series = series
        self.begun = 0
        self.bounds = (0, 0)

    def value(self, expression: Expression, row: Mapping[str, Any] | None = None) -> Any:
        match expression:
            case Value(_, value):
                return value
            case Name("inf"):
                return INF
            case Name(name):
                if name not in self.extern:
                    raise FluxError(f"undefined identifier {name}")
                return self.extern[name]
            case Member("r", column) if row is not None:
                return row.get(column)
            case Binary("or", left, right):
                return self.value(left, row) or self.value(right, row)
            case Binary("==", left, right):
                return self.value(left, row) == self.value(right, row)
            case Call("strings.hasPrefix", arguments) if "strings" in self.imports:
                assert arguments.keys() == {"v", "prefix"}
                return self.value(arguments["v"], row).startswith(
                    self.value(arguments["prefix"], row)
                )
            case Call("types.isType", arguments) if "types" in self.imports and row is not None:
                assert arguments["v"] == Member("r", "_value")
                return row["kind"] == self.value(arguments["type"])
            case list(items):
                return [self.value(one, row) for one in items]
        raise FluxError(f"undefined: {expression}")

    def step(self, call: Call, tables: list[Table]) -> list[Table]:
        known = {
            "from": {"bucket"},
            "range": {"start", "stop"},
            "filter": {"fn"},
            "limit": {"n", "offset"},
            "tail": {"n", "offset"},
            "first": {"column"},
            "last": {"column"},
            "sort": {"columns", "desc"},
            "drop": {"columns"},
            "window": {"every", "createEmpty", "timeColumn"},
            "aggregateWindow": {"every", "fn", "createEmpty", "timeSrc", "timeDst", "column"},
        }
        if call.name not in known:
            raise FluxError(f"undefined identifier {call.name}")
        if unknown := call.arguments.keys() - known[call.name]:
            raise FluxError(f"{call.name} has no parameter {unknown}")
        if call.name in ("from", "range"):
            self.begun += 1
        step: Callable[[dict[str, Any], list[Table]], list[Table]] = getattr(self, f"{call.name}_")
        return [one for one in step(call.arguments, tables) if one.rows]

    def from_(self, given: dict[str, Any], _: list[Table]) -> list[Table]:
        return list(self.series(self.value(given["bucket"])))

    def range_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        start, stop = self.value(given["start"]), self.value(given["stop"])
        if start >= stop:
            raise FluxError("cannot query an empty range")
        self.bounds = (start, stop)
        return [
            Table(
                {"_start": ("time", start), "_stop": ("time", stop), **one.key},
                one.kind,
                [row for row in one.rows if start <= row["_time"] < stop],
            )
            for one in tables
        ]

    def filter_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        test: Lambda = given["fn"]
        assert test.parameter == "r"
        kept = []
        for one in tables:
            same = {name: value for name, (_, value) in one.key.items()}
            rows = [
                row for row in one.rows if self.value(test.body, {**same, **row, "kind": one.kind})
            ]
            kept.append(Table(one.key, one.kind, rows))
        return kept

    def limit_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        n = self.value(given["n"])
        return [Table(one.key, one.kind, one.rows[:n]) for one in tables]

    def tail_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        n = self.value(given["n"])
        return [Table(one.key, one.kind, one.rows[-n:]) for one in tables]

    def first_(self, _: dict[str, Any], tables: list[Table]) -> list[Table]:
        return [Table(one.key, one.kind, one.rows[:1]) for one in tables]

    def last_(self, _: dict[str, Any], tables: list[Table]) -> list[Table]:
        return [Table(one.key, one.kind, one.rows[-1:]) for one in tables]

    def sort_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        (column,) = self.value(given["columns"])
        down = self.value(given.get("desc", Value("bool", value=False)))
        return [
            Table(one.key, one.kind, sorted(one.rows, key=lambda row: row[column], reverse=down))
            for one in tables
        ]

    def drop_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        gone = set(self.value(given["columns"]))
        assert not gone & {"_time", "_value"}
        return _merged(
            Table({k: v for k, v in one.key.items() if k not in gone}, one.kind, one.rows)
            for one in tables
        )

    def window_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:
        every = self.value(given["every"])
        windows = []
        for one in tables:
            for row in one.rows:
                start, stop = self.bounds
                if every != INF:
                    begin = row["_time"] // every * every
                    start, stop = max(start, begin), min(stop, begin + every)
                key = one.key | {"_start": ("time", start), "_stop": ("time", stop)}
                windows.append(Table(key, one.kind, [row]))
        return _merged(windows)

    def aggregateWindow_(self, given: dict[str, Any], tables: list[Table]) -> list[Table]:  # noqa: N802
        if self.value(given["createEmpty"]) is not False:
            raise FluxError("empty windows are not built here")
        source = self.value(given.get("timeSrc", Value("string", "_stop")))
        name = given["fn"].name
        done = []
        for one in self.window_({"every": given["every"]}, tables):
            kind, value = aggregate(name, one.kind, [row["_value"] for row in one.rows])
            row = {"_value": value, "_time": one.key[source][1]}
            done.append(Table(one.key, kind, [row]))
        return self.window_({"every": Name("inf")}, done)


def aggregate(name: str, kind: str, values: Sequence[Any]) -> tuple[str, Any]:
    """One value for many, with its type."""
    if name == "count":
        return "int", len(values)
    if name in ("mean", "sum", "min", "max") and kind not in ("float", "int", "uint"):
        raise FluxError(f"unsupported input type for {name} aggregate: {kind}")
    match name:
        case "mean":
            return "float", math.fsum(values) / len(values)
        case "sum":
            return kind, sum(values)
        case "min":
            return kind, min(values)
        case "max":
            return kind, max(values)
    raise FluxError(f"undefined identifier {name}")


def _merged(tables: "Iterator[Table] | list[Table]") -> list[Table]:
    """Tables of one group key become one."""
    merged: dict[tuple[Any, ...], Table] = {}
    for one in tables:
        key = tuple(one.key.items())
        have = merged.setdefault(key, Table(one.key, one.kind))
        if have.kind != one.kind:
            raise FluxError(
                f"schema collision: cannot group {have.kind} and {one.kind} types together"
            )
        have.rows += one.rows
    return list(merged.values())
