// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
)

// fetchBundle asks a bundle endpoint once, by the profile that is named.
//
//	go_spiffe bundle-fetch DOMAIN URL https_web    ROOTS.pem
//	go_spiffe bundle-fetch DOMAIN URL https_spiffe ENDPOINT_ID BUNDLE.json
func fetchBundle(ctx context.Context, arguments []string) {
	domain := spiffeid.RequireTrustDomainFromString(arguments[0])
	var option federation.FetchOption
	switch arguments[2] {
	case "https_web":
		pem, err := os.ReadFile(arguments[3])
		need(err)
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			log.Fatal("no authority in ", arguments[3])
		}
		option = federation.WithWebPKIRoots(roots)
	case "https_spiffe":
		endpoint := spiffeid.RequireFromString(arguments[3])
		bundle, err := spiffebundle.Load(endpoint.TrustDomain(), arguments[4])
		need(err)
		option = federation.WithSPIFFEAuth(bundle, endpoint)
	default:
		log.Fatal("no such profile: ", arguments[2])
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	bundle, err := federation.FetchBundle(ctx, domain, arguments[1], option)
	need(err)
	document, err := bundle.Marshal()
	need(err)
	sequence, _ := bundle.SequenceNumber()
	hint, _ := bundle.RefreshHint()
	say("fetched", fields{
		"authorities": len(bundle.X509Authorities()),
		"keys":        len(bundle.JWTAuthorities()),
		"sequence":    sequence,
		"hint":        hint.Seconds(),
		"json":        string(document),
	})
}

// A fileSource reads the document at each request, so that a test changes it by one rename.
type fileSource string

func (f fileSource) GetBundleForTrustDomain(
	domain spiffeid.TrustDomain,
) (*spiffebundle.Bundle, error) {
	return spiffebundle.Load(domain, string(f))
}

// serveBundle serves a document by go-spiffe's handler.
//
//	go_spiffe bundle-serve DOMAIN BUNDLE.json https_web    CERT KEY
//	go_spiffe bundle-serve DOMAIN BUNDLE.json https_spiffe SOCKET
func serveBundle(ctx context.Context, arguments []string) {
	domain := spiffeid.RequireTrustDomainFromString(arguments[0])
	handler, err := federation.NewHandler(domain, fileSource(arguments[1]))
	need(err)
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	switch arguments[2] {
	case "https_web":
		certificate, err := tls.LoadX509KeyPair(arguments[3], arguments[4])
		need(err)
		config.Certificates = []tls.Certificate{certificate}
	case "https_spiffe":
		source := openSource(ctx, arguments[3])
		defer source.Close()
		config = tlsconfig.TLSServerConfig(source)
	default:
		log.Fatal("no such profile: ", arguments[2])
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	need(err)
	say("listening", fields{"port": listener.Addr().(*net.TCPAddr).Port})
	server := &http.Server{Handler: handler}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		need(err)
	}
}
