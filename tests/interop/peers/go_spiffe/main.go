// SPDX-License-Identifier: Apache-2.0

// handfast's counterpart, on go-spiffe's public API and grpc-go.
//
//	go_spiffe fetch  SOCKET AUDIENCE            what a Workload API gives, once
//	go_spiffe watch  SOCKET                     the same, each time it changes, until killed
//	go_spiffe wit    SOCKET                     how the incubating profile is taken
//	go_spiffe client SOCKET ADDRESS ID COUNT    mutual TLS: say a line, hear one, COUNT times
//	go_spiffe server SOCKET ID                  mutual TLS: echo lines
//	go_spiffe reflect SOCKET                    what gRPC reflection tells
//	go_spiffe agent  [options]                  a Workload API of ours: see agent.go
//	go_spiffe bundle-fetch, bundle-serve        federation: see federation.go
//
// It prints a line of JSON for each thing that happens, and ends with 1 and a line on stderr
// when something fails.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sync"
)

type fields map[string]any

var printing sync.Mutex

// say prints one event; other goroutines print too.
func say(event string, more fields) {
	more["event"] = event
	line, err := json.Marshal(more)
	need(err)
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(line))
}

func need(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	commands := map[string]func(context.Context, []string){
		"agent":        runAgent,
		"bundle-fetch": fetchBundle,
		"bundle-serve": serveBundle,
		"client":       runClient,
		"fetch":        fetch,
		"reflect":      reflect,
		"server":       runServer,
		"watch":        watch,
		"wit":          wit,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		log.Fatal("which command? see main.go")
	}
	commands[os.Args[1]](context.Background(), os.Args[2:])
}
