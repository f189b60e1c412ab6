// SPDX-License-Identifier: Apache-2.0
module handfast.example/tests/interop/peers/go

go 1.19
