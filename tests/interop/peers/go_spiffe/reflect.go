// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// reflect asks a server what it serves, as grpcurl does.
//
//	go_spiffe reflect SOCKET
func reflect(ctx context.Context, arguments []string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "workload.spiffe.io", "true")
	conn, err := grpc.NewClient(
		arguments[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	need(err)
	defer conn.Close()
	stream, err := reflection.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	need(err)

	need(stream.Send(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}))
	answer, err := stream.Recv()
	need(err)
	services := []string{}
	for _, service := range answer.GetListServicesResponse().GetService() {
		services = append(services, service.GetName())
	}

	need(stream.Send(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{
			FileContainingSymbol: "SpiffeWorkloadAPI"}}))
	answer, err = stream.Recv()
	need(err)
	methods := []string{}
	for _, raw := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		need(proto.Unmarshal(raw, file))
		for _, service := range file.GetService() {
			for _, method := range service.GetMethod() {
				methods = append(methods, method.GetName())
			}
		}
	}
	say("reflected", fields{"services": services, "methods": methods})
}
