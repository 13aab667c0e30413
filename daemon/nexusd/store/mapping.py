"""Records and rows: one msgspec struct per table, columns named as its fields, converted by the fields' types.

| field | column |
|---|---|
| `str`, `int`, `bytes` | as it is |
| `bool` | boolean |
| aware `datetime` | integer microseconds since 1970-01-01 UTC: exact, ordered, the same in every database |
| `list`, `dict`, `tuple` | JSON text |

Each may be `| None`, then the column may be NULL.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from nexusd.store.connection import Row

R = TypeVar("R", bound=msgspec.Struct)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Convert = Callable[[Any], Any]


def now() -> datetime:
    """The present time, aware, in UTC."""
    return datetime.now(UTC)


def to_micros(moment: datetime) -> int:
    """A moment as stored. Raises TypeError for a naive datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """A stored moment."""
    return _EPOCH + timedelta(microseconds=micros)


def optional(kind: object) -> tuple[object, bool]:
    """A field's type without its None, and whether it had one."""
    if get_origin(kind) in (Union, types.UnionType):
        rest = [arm for arm in get_args(kind) if arm is not type(None)]
        return rest[0], True
    return kind, False


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _converters(kind: object) -> tuple[Convert | None, Convert | None]:
    base, _ = optional(kind)
    if base is datetime:
        return to_micros, from_micros
    if base is bool:
        return None, bool
    if (get_origin(base) or base) in (list, dict, tuple):
        return _json_text, msgspec.json.Decoder(base).decode
    return None, None


class Mapper(Generic[R]):
    """How records of one type are kept in one table.

    Args:
        table: the table's name.
        record: the struct; its fields name the columns, in order.
    """

    def __init__(self, table: str, record: type[R]) -> None:
        self.table = table
        self.record = record
        self.columns = record.__struct_fields__
        hints = get_type_hints(record)
        converters = {name: _converters(hints[name]) for name in self.columns}
        self._encoders: dict[str, Convert | None] = {name: pair[0] for name, pair in converters.items()}
        self._decoders = [converters[name][1] for name in self.columns]
        names = ", ".join(f'"{name}"' for name in self.columns)
        values = ", ".join(f":{name}" for name in self.columns)
        self.insert_sql = f'INSERT INTO "{table}" ({names}) VALUES ({values})'  # noqa: S608 - names of our own code
        self.select_sql = f'SELECT {names} FROM "{table}"'  # noqa: S608 - names of our own code
        self._updates: dict[tuple[str, ...], str] = {}

    def encode(self, record: R) -> dict[str, Any]:
        """A record's columns, as parameters of `insert_sql`."""
        return {
            name: value if encoder is None or value is None else encoder(value)
            for (name, encoder), value in zip(self._encoders.items(), msgspec.structs.astuple(record), strict=True)
        }

    def value(self, column: str, value: Any) -> Any:
        """One column's value as it is stored. Raises KeyError for a column that does not exist."""
        encoder = self._encoders[column]
        return value if encoder is None or value is None else encoder(value)

    def decode(self, row: Row) -> R:
        """The record of a row of `select_sql`."""
        return self.record(
            **{
                name: value if decoder is None or value is None else decoder(value)
                for name, decoder, value in zip(self.columns, self._decoders, row, strict=True)
            }
        )

    def decode_all(self, rows: Iterable[Row]) -> list[R]:
        """The records of rows of `select_sql`."""
        return [self.decode(row) for row in rows]

    def update(self, key: str, changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The statement that sets some columns of the row whose column `key` equals ``:key_``, and its parameters.

        The caller adds ``key_`` to the parameters. Raises KeyError for a column that does not exist.
        """
        names = tuple(changes)
        params = {name: self.value(name, value) for name, value in changes.items()}
        sql = self._updates.get(names)
        if sql is None:
            assignments = ", ".join(f'"{name}" = :{name}' for name in names)
            sql = f'UPDATE "{self.table}" SET {assignments} WHERE "{key}" = :key_'  # noqa: S608 - checked above
            self._updates[names] = sql
        return sql, params
