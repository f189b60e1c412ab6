// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

type identity struct {
	id   spiffeid.ID
	hint string
}

// A service answers for the identities of one socket.
type service struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	agent      *agent
	identities []identity
}

// checkHeader is the standard's one demand on callers.
func checkHeader(ctx context.Context) error {
	incoming, _ := metadata.FromIncomingContext(ctx)
	if values := incoming["workload.spiffe.io"]; len(values) != 1 || values[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	return nil
}

// stream sends what `send` makes now, at each change, and at `renew` when that is not zero.
func (s *service) stream(ctx context.Context, renew time.Duration, send func() error) error {
	if err := checkHeader(ctx); err != nil {
		return err
	}
	for {
		_, denied, changed := s.agent.current()
		if denied {
			return status.Error(codes.PermissionDenied, "no identity issued")
		}
		if err := send(); err != nil {
			return err
		}
		var due <-chan time.Time
		if renew > 0 {
			due = time.After(renew)
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *service) FetchX509SVID(
	_ *workload.X509SVIDRequest, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer,
) error {
	return s.stream(stream.Context(), s.agent.renew, func() error {
		bundles, _, _ := s.agent.current()
		answer := &workload.X509SVIDResponse{FederatedBundles: map[string][]byte{}}
		for _, one := range s.identities {
			chain, signer := s.agent.authority.issue(one.id)
			key, err := x509.MarshalPKCS8PrivateKey(signer)
			if err != nil {
				return err
			}
			answer.Svids = append(answer.Svids, &workload.X509SVID{
				SpiffeId:    one.id.String(),
				X509Svid:    chain,
				X509SvidKey: key,
				Bundle:      joined(bundles[0].X509Authorities()),
				Hint:        one.hint,
			})
		}
		for _, bundle := range bundles[1:] {
			name := bundle.TrustDomain().IDString()
			answer.FederatedBundles[name] = joined(bundle.X509Authorities())
		}
		return stream.Send(answer)
	})
}

func (s *service) FetchX509Bundles(
	_ *workload.X509BundlesRequest, stream workload.SpiffeWorkloadAPI_FetchX509BundlesServer,
) error {
	return s.stream(stream.Context(), 0, func() error {
		bundles, _, _ := s.agent.current()
		answer := &workload.X509BundlesResponse{Bundles: map[string][]byte{}}
		for _, bundle := range bundles {
			answer.Bundles[bundle.TrustDomain().IDString()] = joined(bundle.X509Authorities())
		}
		return stream.Send(answer)
	})
}

func (s *service) FetchJWTBundles(
	_ *workload.JWTBundlesRequest, stream workload.SpiffeWorkloadAPI_FetchJWTBundlesServer,
) error {
	return s.stream(stream.Context(), 0, func() error {
		bundles, _, _ := s.agent.current()
		answer := &workload.JWTBundlesResponse{Bundles: map[string][]byte{}}
		for _, bundle := range bundles {
			document, err := bundle.JWTBundle().Marshal()
			if err != nil {
				return err
			}
			answer.Bundles[bundle.TrustDomain().IDString()] = document
		}
		return stream.Send(answer)
	})
}

func (s *service) FetchJWTSVID(
	ctx context.Context, request *workload.JWTSVIDRequest,
) (*workload.JWTSVIDResponse, error) {
	if err := checkHeader(ctx); err != nil {
		return nil, err
	}
	if len(request.Audience) == 0 {
		return nil, status.Error(codes.InvalidArgument, "audience must be specified")
	}
	answer := &workload.JWTSVIDResponse{}
	for _, one := range s.identities {
		if request.SpiffeId != "" && request.SpiffeId != one.id.String() {
			continue
		}
		token, err := s.agent.authority.issueToken(one.id, request.Audience)
		if err != nil {
			return nil, err
		}
		answer.Svids = append(answer.Svids,
			&workload.JWTSVID{SpiffeId: one.id.String(), Svid: token, Hint: one.hint})
	}
	if _, denied, _ := s.agent.current(); denied || len(answer.Svids) == 0 {
		return nil, status.Error(codes.PermissionDenied, "no identity issued")
	}
	return answer, nil
}

func (s *service) ValidateJWTSVID(
	ctx context.Context, request *workload.ValidateJWTSVIDRequest,
) (*workload.ValidateJWTSVIDResponse, error) {
	if err := checkHeader(ctx); err != nil {
		return nil, err
	}
	bundles, _, _ := s.agent.current()
	for _, bundle := range bundles {
		svid, err := jwtsvid.ParseAndValidate(request.Svid, bundle, []string{request.Audience})
		if err != nil {
			continue
		}
		claims, err := structpb.NewStruct(svid.Claims)
		if err != nil {
			return nil, err
		}
		return &workload.ValidateJWTSVIDResponse{SpiffeId: svid.ID.String(), Claims: claims}, nil
	}
	return nil, status.Error(codes.InvalidArgument, "the token does not hold")
}
