# SPDX-License-Identifier: Apache-2.0
"""Messages: the standard's names and numbers, and the types that checkers see."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2, struct_pb2
from tests.support.stubs import fields_in_stub

from handfast.workload_api import proto

# Written from the standard, not from proto.py: number, name and type of each field.
FIELDS = {
    "X509SVIDResponse": "1 svids X509SVID* 2 crl bytes* 3 federated_bundles map",
    "X509SVID": (
        "1 spiffe_id string 2 x509_svid bytes 3 x509_svid_key bytes "
        "4 bundle bytes 5 hint string"
    ),
    "X509BundlesResponse": "1 crl bytes* 2 bundles map",
    "JWTSVIDRequest": "1 audience string* 2 spiffe_id string",
    "JWTSVIDResponse": "1 svids JWTSVID*",
    "JWTSVID": "1 spiffe_id string 2 svid string 3 hint string",
    "JWTBundlesResponse": "1 bundles map",
    "ValidateJWTSVIDRequest": "1 audience string 2 svid string",
    "ValidateJWTSVIDResponse": "1 spiffe_id string 2 claims Struct",
    "WITSVIDRequest": "1 spiffe_id string",
    "WITSVIDResponse": "1 svids WITSVID*",
    "WITSVID": (
        "1 spiffe_id string 2 wit_svid string 3 wit_svid_key string 4 hint string"
    ),
    "WITBundlesResponse": "1 bundles map",
}
EMPTY = ["X509SVIDRequest", "X509BundlesRequest", "JWTBundlesRequest"]


def file() -> descriptor_pb2.FileDescriptorProto:
    raw = proto.file_descriptors()[proto.FILE_NAME]
    return descriptor_pb2.FileDescriptorProto.FromString(raw)


def written(field: descriptor_pb2.FieldDescriptorProto) -> str:
    kinds = {field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes"}
    kind = kinds.get(field.type) or field.type_name.rpartition(".")[2]
    if kind.endswith("Entry"):
        return f"{field.number} {field.name} map"
    star = "*" if field.label == field.LABEL_REPEATED else ""
    return f"{field.number} {field.name} {kind}{star}"


@pytest.mark.parametrize("name", [*FIELDS, *EMPTY, "WITBundlesRequest"])
def test_fields_have_the_numbers_of_the_standard(name: str) -> None:
    (message,) = [it for it in file().message_type if it.name == name]
    assert " ".join(map(written, message.field)) == FIELDS.get(name, "")


def test_bundles_are_bytes_for_x509_and_jwt_and_text_for_wit() -> None:
    """WAPI-74: one of the maps has another type."""
    for kind in (proto.X509BundlesResponse, proto.JWTBundlesResponse):
        assert kind(bundles={"spiffe://a": b"\xff"}).bundles["spiffe://a"] == b"\xff"
    wit = proto.WITBundlesResponse(bundles={"spiffe://a": "{}"})
    assert wit.bundles["spiffe://a"] == "{}"
    with pytest.raises((TypeError, ValueError)):
        proto.WITBundlesResponse(bundles={"spiffe://a": b"\xff"})  # type: ignore[dict-item]


def test_the_service_has_no_package_and_seven_methods() -> None:
    """WAPI-03, WAPI-22: the paths are what other implementations call."""
    described = file()
    assert described.package == ""
    (service,) = described.service
    streams = {it.name for it in service.method if it.server_streaming}
    assert {f"/{service.name}/{it.name}" for it in service.method} == {
        "/SpiffeWorkloadAPI/FetchX509SVID",
        "/SpiffeWorkloadAPI/FetchX509Bundles",
        "/SpiffeWorkloadAPI/FetchJWTSVID",
        "/SpiffeWorkloadAPI/FetchJWTBundles",
        "/SpiffeWorkloadAPI/ValidateJWTSVID",
        "/SpiffeWorkloadAPI/FetchWITSVID",
        "/SpiffeWorkloadAPI/FetchWITBundles",
    }
    assert streams == {it.name for it in service.method} - {
        "FetchJWTSVID",
        "ValidateJWTSVID",
    }


def test_the_types_for_checkers_are_those_of_the_messages() -> None:
    assert fields_in_stub(proto.__file__) == {
        it.name: {field.name for field in it.field} for it in file().message_type
    }


def test_claims_are_a_struct_like_any_other() -> None:
    answer = proto.ValidateJWTSVIDResponse(spiffe_id="spiffe://a.example/w")
    answer.claims.update({"aud": ["x"], "exp": 5, "deep": {"er": None}})
    plain = struct_pb2.Struct.FromString(answer.claims.SerializeToString())
    assert dict(plain.items())["exp"] == 5


def test_another_librarys_messages_of_the_same_names_do_no_harm() -> None:
    """Both would be refused in one pool: they define the same names."""
    code = """
from google.protobuf import descriptor_pool
from handfast.workload_api import proto
descriptor_pool.Default().AddSerializedFile(
    proto.file_descriptors()["google/protobuf/struct.proto"])
from google.protobuf import descriptor_pb2
file = descriptor_pb2.FileDescriptorProto(name="other.proto")
file.message_type.add(name="X509SVID").field.add(name="x", number=1, type=9, label=1)
descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
assert proto.X509SVID(hint="x").hint == "x"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
