// SPDX-License-Identifier: Apache-2.0

// A client and a server on Go's crypto/tls, with certificates on both sides and sessions.
//
//	go_tls client VERSION CERT KEY CA ADDRESS COUNT
//	go_tls server VERSION CERT KEY CA
//
// The client connects COUNT times, says a line and hears one. The server echoes lines. Both
// print a line of JSON for each connection: whether it was resumed, and in which version.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
)

func need(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func report(state tls.ConnectionState) {
	version := map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}[state.Version]
	fmt.Printf("{\"event\":\"met\",\"resumed\":%t,\"version\":\"%s\",\"certificates\":%d}\n",
		state.DidResume, version, len(state.PeerCertificates))
}

// The certificates of handfast's tests: a host name beside the SPIFFE ID lets Go verify as it
// always does.
func settings(version, cert, key, ca string) *tls.Config {
	identity, err := tls.LoadX509KeyPair(cert, key)
	need(err)
	pem, err := os.ReadFile(ca)
	need(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatal("no authority in ", ca)
	}
	number := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[version]
	return &tls.Config{
		Certificates:       []tls.Certificate{identity},
		RootCAs:            roots,
		ClientCAs:          roots,
		ClientAuth:         tls.RequireAndVerifyClientCert,
		ServerName:         "localhost",
		MinVersion:         number,
		MaxVersion:         number,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
}

func visit(address string, config *tls.Config) {
	conn, err := tls.Dial("tcp", address, config)
	need(err)
	_, err = conn.Write([]byte("forty-two\n"))
	need(err)
	// The ticket comes with what the server says.
	_, err = bufio.NewReader(conn).ReadString('\n')
	need(err)
	report(conn.ConnectionState())
	need(conn.Close())
}

func echo(conn *tls.Conn) {
	defer conn.Close()
	if conn.Handshake() != nil {
		return
	}
	report(conn.ConnectionState())
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if _, err = conn.Write([]byte(line)); err != nil {
			return
		}
	}
}

func main() {
	arguments := os.Args[1:]
	config := settings(arguments[1], arguments[2], arguments[3], arguments[4])
	if arguments[0] == "client" {
		count, err := strconv.Atoi(arguments[6])
		need(err)
		for i := 0; i < count; i++ {
			visit(arguments[5], config)
		}
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	need(err)
	fmt.Printf("{\"event\":\"listening\",\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		need(err)
		go echo(tls.Server(conn, config))
	}
}
