// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
)

// size is that of the message that a client sends and gets back (loopback.MESSAGE).
const size = 64

// listen says its port on stdout and answers connections, a goroutine each, until killed.
func listen(address string, config *tls.Config) error {
	listener, err := tls.Listen("tcp", address, config)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

// echo answers one message and closes. A client that leaves early is its own affair, and
// has told it: the clients count what fails.
func echo(conn net.Conn) {
	defer conn.Close()
	message := make([]byte, size)
	if _, err := io.ReadFull(conn, message); err != nil {
		log.Print(err)
		return
	}
	if _, err := conn.Write(message); err != nil {
		log.Print(err)
	}
}

// hold is a server of bench/idle.py: its connections wait for their next request. It says
// its facts on stdout, and ends with its input.
func hold(address string, config *tls.Config) error {
	listener, err := tls.Listen("tcp", address, config)
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	facts := map[string]any{"port": port, "go": runtime.Version()}
	if err := json.NewEncoder(os.Stdout).Encode(facts); err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(conn)
	}
}

// answer sends back what comes. The buffer is small, as one is that waits; clients that
// say no goodbye are no failure.
func answer(conn net.Conn) {
	defer conn.Close()
	message := make([]byte, size)
	for {
		count, err := conn.Read(message)
		if err != nil {
			return
		}
		if _, err := conn.Write(message[:count]); err != nil {
			return
		}
	}
}
