// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"strconv"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

// openSource waits for the first identity; it is kept fresh for as long as the program runs.
func openSource(ctx context.Context, address string) *workloadapi.X509Source {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options := workloadapi.WithClientOptions(workloadapi.WithAddr(address))
	source, err := workloadapi.NewX509Source(ctx, options)
	need(err)
	return source
}

func met(conn net.Conn) {
	peer, err := spiffetls.PeerIDFromConn(conn)
	need(err)
	resumed := false
	if inner, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		resumed = inner.ConnectionState().DidResume
	}
	say("met", fields{"peer": peer.String(), "resumed": resumed})
}

// runClient uses spiffetls as its documentation shows it.
func runClient(ctx context.Context, arguments []string) {
	source := openSource(ctx, arguments[0])
	defer source.Close()
	allowed := tlsconfig.AuthorizeID(spiffeid.RequireFromString(arguments[2]))
	mode := spiffetls.MTLSClientWithSource(allowed, source)
	count, err := strconv.Atoi(arguments[3])
	need(err)
	for range count {
		dialing, cancel := context.WithTimeout(ctx, patience)
		conn, err := spiffetls.DialWithMode(dialing, "tcp", arguments[1], mode)
		need(err)
		_, err = conn.Write([]byte("forty-two\n"))
		need(err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		need(err)
		met(conn)
		say("heard", fields{"line": line})
		need(conn.Close())
		cancel()
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for first := true; ; first = false {
		line, err := lines.ReadString('\n')
		if err != nil {
			if first {
				say("refused", fields{"error": err.Error()})
			}
			return
		}
		if first {
			met(conn)
		}
		if _, err = conn.Write([]byte(line)); err != nil {
			return
		}
	}
}

func runServer(ctx context.Context, arguments []string) {
	source := openSource(ctx, arguments[0])
	defer source.Close()
	allowed := tlsconfig.AuthorizeID(spiffeid.RequireFromString(arguments[1]))
	mode := spiffetls.MTLSServerWithSource(allowed, source)
	listener, err := spiffetls.ListenWithMode(ctx, "tcp", "127.0.0.1:0", mode)
	need(err)
	say("listening", fields{"port": listener.Addr().(*net.TCPAddr).Port})
	for {
		conn, err := listener.Accept()
		need(err)
		go echo(conn)
	}
}
