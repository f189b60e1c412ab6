# SPDX-License-Identifier: Apache-2.0
"""A batch's columns for other libraries: Arrow and NumPy, which only they need.

Neither library is imported before somebody asks. Buffers are lent, not copied; the
arrays keep them alive.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from handfast.reasons import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["arrow_schema", "need", "to_arrow", "to_numpy"]


def need(module: str, extra: str) -> Any:
    """Import what an extra brings, or say which one.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise  # it is there and lacks something itself
        message = f"this needs {error.name}: pip install 'handfast[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None


def arrow_schema() -> Any:
    """Return the schema that every :meth:`BatchResult.to_arrow` has.

    Raises:
        ModuleNotFoundError: pyarrow is not installed: ``handfast[arrow]``.
    """
    pa = need("pyarrow", "arrow")
    return pa.schema(
        [
            pa.field("ok", pa.bool_(), nullable=False),
            pa.field("reason", pa.dictionary(pa.int32(), pa.string())),
            pa.field("spiffe_id", pa.large_string()),
            pa.field("not_after", pa.timestamp("s", tz="UTC")),
            pa.field("depth", pa.int8()),
        ]
    )


def to_arrow(columns: Mapping[str, memoryview]) -> Any:
    """Lend the columns to a record batch."""
    schema, pa = arrow_schema(), need("pyarrow", "arrow")
    pc = need("pyarrow.compute", "arrow")
    rows = len(columns["ok"])

    def lend(name: str) -> Any:
        return pa.py_buffer(columns[name])

    def plain(name: str, kind: Any, valid: Any = None) -> Any:
        return pa.Array.from_buffers(kind, rows, [valid, lend(name)])

    # Arrow's booleans are bits: these few bytes are the only ones that are made anew.
    # The same bits say which identities and times are there.
    ok = plain("ok", pa.uint8()).cast(pa.bool_())
    depth = plain("depth", pa.int8())
    known = pc.greater_equal(depth, pa.scalar(0, pa.int8()))
    codes = pa.array([row.code for row in ROWS.values()], pa.uint32())
    reasons = pa.DictionaryArray.from_arrays(
        pc.index_in(plain("reason", pa.uint32()), value_set=codes),
        pa.array([str(reason) for reason in ROWS], pa.string()),
    )
    return pa.RecordBatch.from_arrays(
        [
            ok,
            reasons,
            pa.Array.from_buffers(
                pa.large_string(),
                rows,
                [_bits(ok), lend("id_offsets"), lend("ids")],
            ),
            plain("not_after", pa.timestamp("s", tz="UTC"), _bits(ok)),
            plain("depth", pa.int8(), _bits(known)),
        ],
        schema=schema,
    )


def _bits(flags: Any) -> Any:
    return flags.buffers()[1]


def to_numpy(columns: Mapping[str, memoryview]) -> dict[str, Any]:
    """Lend the columns to arrays."""
    np = need("numpy", "numpy")
    names = {"id_offsets": "spiffe_id_offsets", "ids": "spiffe_id_data"}
    return {
        names.get(name, name): np.asarray(column) for name, column in columns.items()
    }
