# SPDX-License-Identifier: Apache-2.0
"""grpcio as a client of our Workload API, which knows it by reflection alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.support.net_world import PATIENCE

from handfast.testing import FakeWorkloadApi
from handfast.workload_api.reflection import _FILES, REFLECT

pytestmark = pytest.mark.interop

HEADER = (("workload.spiffe.io", "true"),)
REFLECTION = "grpc/reflection/v1/reflection.proto"


def message(pool: descriptor_pool.DescriptorPool, name: str) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@pytest.fixture
def channel() -> Iterator[Any]:
    api = FakeWorkloadApi(ids=["spiffe://example.org/web"])
    with api.in_thread(), grpc.insecure_channel(f"unix:{api.endpoint.path}") as it:
        yield it


def reflect(channel: Any, *asked: dict[str, Any]) -> list[Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_FILES[REFLECTION])
    package = "grpc.reflection.v1"
    request = message(pool, f"{package}.ServerReflectionRequest")
    response = message(pool, f"{package}.ServerReflectionResponse")
    call = channel.stream_stream(
        REFLECT, lambda it: it.SerializeToString(), response.FromString
    )
    requests = (request(host="h", **it) for it in asked)
    return list(call(requests, metadata=HEADER, timeout=PATIENCE))


def test_a_client_that_knows_nothing_finds_and_calls_the_service(
    channel: Any,
) -> None:
    """WAPI-23, WAPI-24, WAPI-25: reflection, then a call with what it told."""
    listed, file = reflect(
        channel,
        {"list_services": ""},
        {"file_containing_symbol": "SpiffeWorkloadAPI"},
    )
    names = {it.name for it in listed.list_services_response.service}
    assert names == {"SpiffeWorkloadAPI", "grpc.reflection.v1.ServerReflection"}
    pool = descriptor_pool.DescriptorPool()
    for raw in reversed(file.file_descriptor_response.file_descriptor_proto):
        pool.AddSerializedFile(raw)
    service = pool.FindServiceByName("SpiffeWorkloadAPI")
    method = service.FindMethodByName("FetchX509SVID")
    response = message_factory.GetMessageClass(method.output_type)
    call = channel.unary_stream(
        f"/{service.full_name}/{method.name}",
        lambda it: it.SerializeToString(),
        response.FromString,
    )
    request = message_factory.GetMessageClass(method.input_type)()
    answer = next(iter(call(request, metadata=HEADER, timeout=PATIENCE)))
    assert answer.svids[0].spiffe_id == "spiffe://example.org/web"


def test_every_question_of_reflection_has_an_answer(channel: Any) -> None:
    """WAPI-24: nothing that is not in the standard is told, and nothing breaks."""
    found = reflect(
        channel,
        {"file_by_filename": "workload.proto"},
        {"file_by_filename": REFLECTION},
        {"file_containing_symbol": "SpiffeWorkloadAPI.FetchX509SVID"},
        {"file_containing_symbol": "X509SVID"},
        {"file_containing_symbol": "google.protobuf.Struct"},
        {"file_by_filename": "/etc/passwd"},
        {"file_containing_symbol": "nothing"},
        {"file_containing_extension": {"containing_type": "X509SVID"}},
        {"all_extension_numbers_of_type": "X509SVID"},
        {},
    )
    kinds = [it.WhichOneof("message") for it in found]
    assert kinds == ["file_descriptor_response"] * 5 + ["error_response"] * 5
    assert {it.error_response.error_code for it in found[5:]} == {5}
    first = found[0].file_descriptor_response.file_descriptor_proto[0]
    file = descriptor_pb2.FileDescriptorProto.FromString(first)
    assert file.name == "workload.proto"
    assert found[0].valid_host == "h"
    assert found[0].original_request.file_by_filename == "workload.proto"


def test_reflection_needs_the_metadata_too(channel: Any) -> None:
    """WAPI-07: every request to the endpoint does."""
    call = channel.stream_stream(REFLECT)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([b""]), timeout=PATIENCE))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
