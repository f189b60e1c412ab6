// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// flow is one direction: bytes written and not yet read. Writing never waits, as with the
// memory BIOs of the others, so the ends change places once a flight.
type flow struct {
	lock  sync.Mutex
	ready sync.Cond
	bytes []byte
}

func newFlow() *flow {
	made := &flow{}
	made.ready.L = &made.lock
	return made
}

// end is one end of a connection in memory.
type end struct {
	in, out *flow
}

func pipe() (*end, *end) {
	there, back := newFlow(), newFlow()
	return &end{back, there}, &end{there, back}
}

func (e *end) Read(into []byte) (int, error) {
	e.in.lock.Lock()
	defer e.in.lock.Unlock()
	for len(e.in.bytes) == 0 {
		e.in.ready.Wait()
	}
	size := copy(into, e.in.bytes)
	e.in.bytes = e.in.bytes[size:]
	return size, nil
}

func (e *end) Write(from []byte) (int, error) {
	e.out.lock.Lock()
	defer e.out.lock.Unlock()
	e.out.bytes = append(e.out.bytes, from...)
	e.out.ready.Signal()
	return len(from), nil
}

// What else a net.Conn has: nobody closes or waits here.

func (e *end) Close() error                     { return io.ErrClosedPipe }
func (e *end) LocalAddr() net.Addr              { return nil }
func (e *end) RemoteAddr() net.Addr             { return address{} }
func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetReadDeadline(time.Time) error  { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// address is the key of the client's session cache.
type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "bench" }
