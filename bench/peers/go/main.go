// SPDX-License-Identifier: Apache-2.0

// Peer in Go: chains of bench/corpus.py from DER to a SPIFFE ID, by crypto/x509 alone
// (--mode x509) or by go-spiffe's x509svid.ParseAndVerify (--mode spiffe).
//
// It speaks the protocol of bench/peers/sampler.py. Pools and bundles are made once, as
// far as each API lets them be; the garbage collector is part of the CPU time, because it
// is part of what verifying costs there.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// block is how many chains are verified between two looks at the clock.
const block = 100

type verifier func(chain [][]byte) (string, error)

// plain does what a user of crypto/x509 writes: parse, verify for clients, read the URI.
func plain(anchor *x509.Certificate) verifier {
	roots := x509.NewCertPool()
	roots.AddCert(anchor)
	return func(chain [][]byte) (string, error) {
		leaf, err := x509.ParseCertificate(chain[0])
		if err != nil {
			return "", err
		}
		rest := x509.NewCertPool()
		for _, der := range chain[1:] {
			one, err := x509.ParseCertificate(der)
			if err != nil {
				return "", err
			}
			rest.AddCert(one)
		}
		options := x509.VerifyOptions{
			Roots:         roots,
			Intermediates: rest,
			KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if _, err := leaf.Verify(options); err != nil {
			return "", err
		}
		if len(leaf.URIs) != 1 {
			return "", fmt.Errorf("expected one URI, seen %d", len(leaf.URIs))
		}
		return leaf.URIs[0].String(), nil
	}
}

// spiffe asks go-spiffe, which also keeps the rules of the X509-SVID standard.
func spiffe(anchor *x509.Certificate) verifier {
	domain := spiffeid.RequireTrustDomainFromString("bench.example")
	bundle := x509bundle.FromX509Authorities(domain, []*x509.Certificate{anchor})
	return func(chain [][]byte) (string, error) {
		id, _, err := x509svid.ParseAndVerify(chain, bundle)
		return id.String(), err
	}
}

// cpu returns the seconds that this process has worked, all threads together.
func cpu() (float64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(), nil
}

type sample struct {
	Count int     `json:"count"`
	CPU   float64 `json:"cpu"`
	Wall  float64 `json:"wall"`
}

// take verifies blocks until the time is up and goes on where the last sample ended.
func take(chains []corpusChain, verify verifier, next *int, seconds float64) (sample, error) {
	before, err := cpu()
	if err != nil {
		return sample{}, err
	}
	begin := time.Now()
	var taken sample
	for taken.Wall < seconds {
		for range block {
			chain := &chains[*next]
			*next = (*next + 1) % len(chains)
			id, err := verify(chain.der)
			if err != nil {
				return sample{}, err
			}
			if id != chain.id {
				return sample{}, fmt.Errorf("expected %s, seen %s", chain.id, id)
			}
		}
		taken.Count += block
		taken.Wall = time.Since(begin).Seconds()
	}
	after, err := cpu()
	taken.CPU = after - before
	return taken, err
}

func run() error {
	directory := flag.String("pki", "", "a corpus")
	signatures := flag.Int("signatures", 2, "in a chain")
	mode := flag.String("mode", "x509", "x509 or spiffe")
	flag.Parse()
	chains, anchor, err := load(*directory, *signatures)
	if err != nil {
		return err
	}
	verify := plain(anchor)
	if *mode == "spiffe" {
		verify = spiffe(anchor)
	}
	out := json.NewEncoder(os.Stdout)
	facts := map[string]any{"go": runtime.Version(), "gomaxprocs": runtime.GOMAXPROCS(0)}
	if err := out.Encode(facts); err != nil {
		return err
	}
	next := 0
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		var seconds float64
		var split int
		if _, err := fmt.Sscan(requests.Text(), &seconds, &split); err != nil {
			return err
		}
		taken, err := take(chains, verify, &next, seconds)
		if err != nil {
			return err
		}
		if err := out.Encode(taken); err != nil {
			return err
		}
	}
	return requests.Err()
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
