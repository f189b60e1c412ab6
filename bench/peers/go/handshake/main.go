// SPDX-License-Identifier: Apache-2.0

// Peer in Go: mutual TLS 1.3 handshakes by crypto/tls, both ends in one process and on one
// processor at a time, over connections in memory (memory.go).
//
// It speaks the protocol of bench/peers/sampler.py. Configurations are made once; the
// garbage collector is part of the CPU time, because it is part of what a handshake costs
// there, but not of the ends' when they are told apart. With --listen it is a server for
// clients of another process instead (server.go).
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"sort"
	"syscall"
	"time"
)

const (
	clientID = "spiffe://bench.example/client"
	serverID = "spiffe://bench.example/server"
)

// rusageThread is RUSAGE_THREAD of Linux, which package syscall does not name.
const rusageThread = 1

func cpu(who int) float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

type sample struct {
	Count     int       `json:"count"`
	CPU       float64   `json:"cpu"`
	Wall      float64   `json:"wall"`
	Latency   []float64 `json:"latency_us"`
	ClientCPU *float64  `json:"client_cpu,omitempty"`
	ServerCPU *float64  `json:"server_cpu,omitempty"`
}

// check ends the benchmark when an end met somebody else: it would measure nothing.
func check(state tls.ConnectionState, expected string, resumed bool) error {
	uris := state.PeerCertificates[0].URIs
	if len(uris) != 1 || uris[0].String() != expected {
		return fmt.Errorf("expected %s, seen %v", expected, uris)
	}
	if state.DidResume != resumed {
		return fmt.Errorf("resumed: expected %v, seen %v", resumed, state.DidResume)
	}
	return nil
}

// ends are both configurations and whether the next handshake should resume the last.
type ends struct {
	client, server  *tls.Config
	resume, resumed bool
}

// accept is the server's side of a handshake; a byte of data brings the tickets' turn.
func (e *ends) accept(pipe *end, resumed bool) error {
	conn := tls.Server(pipe, e.server)
	if err := conn.Handshake(); err != nil {
		return err
	}
	if e.resume {
		if _, err := conn.Write([]byte{'x'}); err != nil {
			return err
		}
	}
	return check(conn.ConnectionState(), clientID, resumed)
}

// connect is the client's side.
func (e *ends) connect(pipe *end) (tls.ConnectionState, error) {
	conn := tls.Client(pipe, e.client)
	if err := conn.Handshake(); err != nil {
		return tls.ConnectionState{}, err
	}
	if e.resume {
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			return tls.ConnectionState{}, err
		}
	}
	state := conn.ConnectionState()
	return state, check(state, serverID, e.resumed)
}

// job is one connection for the server's goroutine.
type job struct {
	pipe    *end
	resumed bool
}

// take makes handshakes until the time is up, the server in a goroutine beside this one.
// Told apart, each end has a thread to itself, whose clock says what it did.
// An error ends the program, and what still waits with it.
func (e *ends) take(seconds float64, split bool) (sample, tls.ConnectionState, error) {
	jobs, results := make(chan job), make(chan error)
	serverCPU := make(chan float64, 1)
	go func() {
		var before float64
		if split {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before = cpu(rusageThread)
		}
		for one := range jobs {
			results <- e.accept(one.pipe, one.resumed)
		}
		if split {
			serverCPU <- cpu(rusageThread) - before
		}
	}()
	if split {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	var taken sample
	var state tls.ConnectionState
	var latencies []float64
	mine, all, begin := cpu(rusageThread), cpu(syscall.RUSAGE_SELF), time.Now()
	for taken.Wall < seconds || taken.Count == 0 {
		near, far := pipe()
		jobs <- job{far, e.resumed}
		var err error
		if state, err = e.connect(near); err != nil {
			return taken, state, err
		}
		if err := <-results; err != nil {
			return taken, state, err
		}
		e.resumed = e.resume
		taken.Count++
		now := time.Since(begin).Seconds()
		latencies = append(latencies, now-taken.Wall)
		taken.Wall = now
	}
	taken.CPU = cpu(syscall.RUSAGE_SELF) - all
	taken.Latency = grid(latencies)
	if split {
		mine = cpu(rusageThread) - mine
	}
	close(jobs)
	if split {
		theirs := <-serverCPU
		taken.ClientCPU, taken.ServerCPU = &mine, &theirs
	}
	return taken, state, nil
}

// grid returns latencies on the grid of sampler.py, in microseconds.
func grid(seconds []float64) []float64 {
	sort.Float64s(seconds)
	last := float64(len(seconds) - 1)
	var points []float64
	for percent := range 100 {
		points = append(points, seconds[int(float64(percent)/100*last+0.5)]*1e6)
	}
	return append(points, seconds[int(0.999*last+0.5)]*1e6, seconds[len(seconds)-1]*1e6)
}

func run() error {
	directory := flag.String("pki", "", "from bench/pki.py")
	group := flag.String("groups", "X25519", "one, by OpenSSL's name")
	resume := flag.Bool("resume", false, "all but the first one")
	address := flag.String("listen", "", "be a server there")
	keep := flag.Bool("keep", false, "with --listen: do not close after the answer")
	flag.Parse()
	both := ends{resume: *resume}
	var err error
	if both.client, both.server, err = configs(*directory, *group, *resume); err != nil {
		return err
	}
	if *address != "" && *keep {
		return hold(*address, both.server)
	}
	if *address != "" {
		return listen(*address, both.server)
	}
	// One processor: what is measured beside it is one thread, too.
	runtime.GOMAXPROCS(1)
	_, state, err := both.take(0, false)
	if err != nil {
		return err
	}
	tickets := 0
	if *resume {
		tickets = 1
	}
	out := json.NewEncoder(os.Stdout)
	facts := map[string]any{
		"go": runtime.Version(), "gomaxprocs": 1, "group": *group, // the only one allowed
		"protocol": tls.VersionName(state.Version), "tickets": tickets,
		"cipher": tls.CipherSuiteName(state.CipherSuite), "verification": "crypto/x509",
	}
	if err := out.Encode(facts); err != nil {
		return err
	}
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		var seconds float64
		var split int
		if _, err := fmt.Sscan(requests.Text(), &seconds, &split); err != nil {
			return err
		}
		taken, _, err := both.take(seconds, split == 1)
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
