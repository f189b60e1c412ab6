// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// An agent is a Workload API as SPIRE's is on the wire: grpc-go, go-spiffe's messages, each
// identity renewed at half its life, or earlier, so that a machine that stands still ends
// none. Instead of attesting callers it has one socket for each.
//
//	go_spiffe agent -domain a.example -state FILE -socket PATH=ID[#hint][,ID…] …
//	    [-ttl 40s] [-renew 2s] [-age 1s] [-federates b.example=bundle.json]
//
// Lines on standard input: "root" (publish a new one beside the old), "sign" (with the new
// one), "drop" (the old one goes), "deny" and "allow" (everybody), "federate" (read the
// federated bundles again), "document" (say the bundle). Each is answered by "done".
type agent struct {
	authority *authority
	renew     time.Duration
	mutex     sync.Mutex
	denied    bool
	federated map[string]string
	bundles   []*spiffebundle.Bundle
	changed   chan struct{}
}

// current gives what holds now, and a channel that is closed when it does no longer.
func (a *agent) current() (bundles []*spiffebundle.Bundle, denied bool, next <-chan struct{}) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.authority.mutex.Lock()
	defer a.authority.mutex.Unlock()
	own := a.authority.bundle.Clone()
	return append([]*spiffebundle.Bundle{own}, a.bundles...), a.denied, a.changed
}

func (a *agent) change(what func()) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	what()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *agent) readFederated() {
	a.bundles = nil
	for name, path := range a.federated {
		bundle, err := spiffebundle.Load(spiffeid.RequireTrustDomainFromString(name), path)
		need(err)
		a.bundles = append(a.bundles, bundle)
	}
}

func (a *agent) obey(line string) {
	switch line {
	case "root":
		a.change(a.authority.prepareRoot)
	case "sign":
		a.change(a.authority.changeOver)
	case "drop":
		a.change(a.authority.dropOldRoots)
	case "deny":
		a.change(func() { a.denied = true })
	case "allow":
		a.change(func() { a.denied = false })
	case "federate":
		a.change(a.readFederated)
	case "document":
		bundles, _, _ := a.current()
		document, err := bundles[0].Marshal()
		need(err)
		say("document", fields{"json": string(document)})
	default:
		need(errors.New("no such command: " + line))
	}
	say("done", fields{"command": line})
}

// serveIdentities opens one socket.
func (a *agent) serveIdentities(path, names string, age time.Duration) {
	each := &service{agent: a}
	for _, name := range strings.Split(names, ",") {
		id, hint, _ := strings.Cut(name, "#")
		each.identities = append(each.identities, identity{spiffeid.RequireFromString(id), hint})
	}
	options := []grpc.ServerOption{}
	if age > 0 {
		// grpc-go then says GOAWAY, as behind every load balancer, and cuts what goes on.
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: age, MaxConnectionAgeGrace: age}))
	}
	// What a killed one left behind.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		need(err)
	}
	listener, err := net.Listen("unix", path)
	need(err)
	server := grpc.NewServer(options...)
	workload.RegisterSpiffeWorkloadAPIServer(server, each)
	go func() { need(server.Serve(listener)) }()
}

// pairs collects NAME=VALUE options.
type pairs map[string]string

func (pairs) String() string { return "" }

func (p pairs) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return errors.New("NAME=VALUE is wanted")
	}
	p[name] = value
	return nil
}

func runAgent(_ context.Context, arguments []string) {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	domain := flags.String("domain", "a.example", "trust domain")
	state := flags.String("state", "", "file that survives a restart")
	lifetime := flags.Duration("ttl", time.Hour, "of X.509-SVIDs")
	renew := flags.Duration("renew", 0, "of X.509-SVIDs, after so long; half their life")
	age := flags.Duration("age", 0, "of connections")
	sockets, federated := pairs{}, pairs{}
	flags.Var(sockets, "socket", "PATH=ID[#hint][,ID…]")
	flags.Var(federated, "federates", "TRUST DOMAIN=FILE")
	need(flags.Parse(arguments))
	if *renew == 0 {
		*renew = *lifetime / 2
	}

	a := &agent{
		authority: openAuthority(spiffeid.RequireTrustDomainFromString(*domain), *lifetime, *state),
		renew:     *renew,
		federated: federated,
		changed:   make(chan struct{}),
	}
	a.readFederated()
	for path, names := range sockets {
		a.serveIdentities(path, names, *age)
	}
	say("ready", fields{})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		a.obey(lines.Text())
	}
}

func joined(certificates []*x509.Certificate) (der []byte) {
	for _, certificate := range certificates {
		der = append(der, certificate.Raw...)
	}
	return der
}
