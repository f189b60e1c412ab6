// SPDX-License-Identifier: Apache-2.0

// Reading a corpus of bench/corpus.py: leaves back to back, and 64-bit offsets beside them.
package main

import (
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

type corpusChain struct {
	der [][]byte
	id  string
}

func load(directory string, signatures int) ([]corpusChain, *x509.Certificate, error) {
	name, rest := "direct.der", [][]byte(nil)
	if signatures == 2 {
		name = "root.der"
		intermediate, err := os.ReadFile(filepath.Join(directory, "intermediate.der"))
		if err != nil {
			return nil, nil, err
		}
		rest = [][]byte{intermediate}
	}
	raw, err := os.ReadFile(filepath.Join(directory, name))
	if err != nil {
		return nil, nil, err
	}
	anchor, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(filepath.Join(directory, "leaves.bin"))
	if err != nil {
		return nil, nil, err
	}
	index, err := os.ReadFile(filepath.Join(directory, "leaves.idx"))
	if err != nil {
		return nil, nil, err
	}
	chains := make([]corpusChain, len(index)/8-1)
	for i := range chains {
		begin := binary.LittleEndian.Uint64(index[8*i:])
		end := binary.LittleEndian.Uint64(index[8*i+8:])
		chains[i] = corpusChain{
			der: append([][]byte{data[begin:end]}, rest...),
			id:  fmt.Sprintf("spiffe://bench.example/workload/%08d", i),
		}
	}
	return chains, anchor, nil
}
