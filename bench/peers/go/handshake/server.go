// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
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
