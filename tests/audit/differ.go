// tests/audit/differ.go - every proof of small trees as Go's tlog makes them, in one hash; and it
// checks each. `differ N` prints it; the numbers stand in tests/unit/proto/test_tree.c.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	leaves, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	sum := sha256.New()
	add := func(m, n int64, proof []tlog.Hash) {
		binary.Write(sum, binary.BigEndian, m)
		binary.Write(sum, binary.BigEndian, n)
		for _, h := range proof {
			sum.Write(h[:])
		}
	}
	roots := []tlog.Hash{{}}
	for n := int64(1); n <= leaves; n++ {
		hashes, err := tlog.StoredHashes(n-1, []byte(fmt.Sprintf("leaf %d", n-1)), reader)
		if err != nil {
			panic(err)
		}
		stored = append(stored, hashes...)
		root, err := tlog.TreeHash(n, reader)
		if err != nil {
			panic(err)
		}
		roots = append(roots, root)
		for m := int64(0); m < n; m++ {
			record, err := tlog.ProveRecord(n, m, reader)
			if err != nil {
				panic(err)
			}
			add(m, n, record)
			tree, err := tlog.ProveTree(n, m+1, reader)
			if err != nil {
				panic(err)
			}
			if err := tlog.CheckTree(tree, n, root, m+1, roots[m+1]); err != nil {
				panic(err)
			}
			add(m+1, n, tree)
		}
	}
	fmt.Printf("%x\n", sum.Sum(nil))
}
