# SPDX-License-Identifier: Apache-2.0
# The compiled module: what csrc/ffi/native.cdef.h declares, behind cffi.

from typing import Any

# Declarations live in one place, the cdef. handfast._ffi is the only importer, and what
# it hands on is typed.
ffi: Any
lib: Any
