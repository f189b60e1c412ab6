// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

var groups = map[string]tls.CurveID{
	"X25519":         tls.X25519,
	"P-256":          tls.CurveP256,
	"X25519MLKEM768": tls.X25519MLKEM768,
}

// configs makes those of client and server. The server has the stock verification of client
// certificates; the client verifies the chain by the same library and no host name, because
// SVIDs have none. Like the library's own check, it is not asked when a session is resumed.
func configs(directory, group string, resume bool) (*tls.Config, *tls.Config, error) {
	curve, known := groups[group]
	if !known {
		return nil, nil, fmt.Errorf("no such group: %s", group)
	}
	anchor, err := os.ReadFile(filepath.Join(directory, "root.pem"))
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(anchor) {
		return nil, nil, fmt.Errorf("no certificate in root.pem")
	}
	made := map[string]*tls.Config{}
	for _, who := range []string{"client", "server"} {
		path := filepath.Join(directory, who)
		pair, err := tls.LoadX509KeyPair(path+".pem", path+".key.pem")
		if err != nil {
			return nil, nil, err
		}
		made[who] = &tls.Config{
			Certificates:           []tls.Certificate{pair},
			MinVersion:             tls.VersionTLS13,
			CurvePreferences:       []tls.CurveID{curve},
			SessionTicketsDisabled: !resume,
		}
	}
	server := made["server"]
	server.ClientAuth = tls.RequireAndVerifyClientCert
	server.ClientCAs = roots
	client := made["client"]
	client.InsecureSkipVerify = true // of the name; VerifyConnection does the rest
	client.VerifyConnection = func(state tls.ConnectionState) error {
		if state.DidResume {
			return nil
		}
		rest := x509.NewCertPool()
		for _, one := range state.PeerCertificates[1:] {
			rest.AddCert(one)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: rest,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		return err
	}
	if resume {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return client, server, nil
}
