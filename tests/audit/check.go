// tests/audit/check.go - verifies what the log exports with Go's note and tlog packages, which
// nobody here wrote: checkpoint, tiles, that each entry is in the tree, and that an older checkpoint
// is its beginning; or one receipt.
//
//	check -vkey FILE [-old CHECKPOINT [-oldvkey FILE]] [-list] DIR
//	check -vkey FILE -proof FILE -record FILE
//
// Exit 0 and "OK ...", or 1 and what is wrong. -list names the files that the answer rests on;
// -oldvkey: the key that signed the older checkpoint, when the log was given another one since.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// folder reads the files of an export and remembers which; it is tlog's TileReader too.
type folder struct {
	dir  string
	used []string
}

func (f *folder) read(name string) ([]byte, error) {
	f.used = append(f.used, name)
	return os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)))
}

func (f *folder) Height() int { return tileHeight }

// ReadTiles maps Go's names to those of C2SP, which leave the height out.
func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		data, err := f.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

// openCheckpoint verifies the note and gives the tree that it speaks of.
func openCheckpoint(data []byte, verifier note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tree, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("checkpoint: not three lines that begin with the log's name")
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err == nil {
		tree.Hash, err = tlog.ParseHash(lines[2])
	}
	return tree, err
}

// entries splits one tile of leaves: each behind its length in two bytes.
func entries(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("a tile of entries is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		out = append(out, data[2:end])
		data = data[end:]
	}
	return out, nil
}

// checkEntries proves each leaf's bytes into the signed tree.
func checkEntries(f *folder, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += tileWidth {
		width := int(tree.N - first)
		if width > tileWidth {
			width = tileWidth
		}
		path := tlog.Tile{H: tileHeight, L: 0, N: first / tileWidth, W: width}.Path()
		data, err := f.read(strings.Replace(path, "tile/8/0/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		leaves, err := entries(data)
		if err != nil || len(leaves) != width {
			return fmt.Errorf("entries from %d on: %d of %d (%v)", first+1, len(leaves), width, err)
		}
		for i, leaf := range leaves {
			place := first + int64(i)
			proof, err := tlog.ProveRecord(tree.N, place, hashes)
			if err == nil {
				err = tlog.CheckRecord(proof, tree.N, tree.Hash, place, tlog.RecordHash(leaf))
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", place+1, err)
			}
		}
	}
	return nil
}

// older is a checkpoint of before, and who signed it.
type older struct {
	path     string
	verifier note.Verifier
}

func checkFolder(f *folder, verifier note.Verifier, before older) (tlog.Tree, error) {
	data, err := f.read("checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := openCheckpoint(data, verifier)
	if err != nil {
		return tree, err
	}
	hashes := tlog.TileHashReader(tree, f)
	if err := checkEntries(f, tree, hashes); err != nil || before.path == "" {
		return tree, err
	}
	data, err = os.ReadFile(before.path)
	if err != nil {
		return tree, err
	}
	old, err := openCheckpoint(data, before.verifier)
	if err != nil {
		return tree, err
	}
	if old.N > tree.N {
		return tree, fmt.Errorf("the older checkpoint has more entries: cut off or put back")
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err == nil {
		err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
	}
	if err != nil {
		return tree, fmt.Errorf("it does not continue the older checkpoint: %w", err)
	}
	return tree, nil
}

// checkProof reads a C2SP tlog-proof: name, index, hashes, empty line, checkpoint.
func checkProof(data, leaf []byte, verifier note.Verifier) (int64, tlog.Tree, error) {
	var proof tlog.RecordProof
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, tlog.Tree{}, fmt.Errorf("not a proof")
	}
	place, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, tlog.Tree{}, err
	}
	for _, line := range lines[2:] {
		var hash tlog.Hash
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != len(hash) {
			return 0, tlog.Tree{}, fmt.Errorf("not a hash: %q", line)
		}
		copy(hash[:], raw)
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(checkpoint, verifier)
	if err == nil {
		err = tlog.CheckRecord(proof, tree.N, tree.Hash, place, tlog.RecordHash(leaf))
	}
	return place, tree, err
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func readKey(path string) note.Verifier {
	text, err := os.ReadFile(path)
	fail(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
	fail(err)
	return verifier
}

func main() {
	key := flag.String("vkey", "", "file with the key of the log")
	old := flag.String("old", "", "an older checkpoint")
	oldKey := flag.String("oldvkey", "", "file with the key of then; without it that of -vkey")
	proof := flag.String("proof", "", "a receipt")
	record := flag.String("record", "", "the entry of the receipt")
	list := flag.Bool("list", false, "name the files that were read")
	flag.Parse()
	verifier := readKey(*key)
	before := older{*old, verifier}
	if *oldKey != "" {
		before.verifier = readKey(*oldKey)
	}
	if *proof != "" {
		data, err := os.ReadFile(*proof)
		fail(err)
		leaf, err := os.ReadFile(*record)
		fail(err)
		place, tree, err := checkProof(data, leaf, verifier)
		fail(err)
		fmt.Printf("OK entry %d of %d root %v\n", place+1, tree.N, tree.Hash)
		return
	}
	f := &folder{dir: flag.Arg(0)}
	tree, err := checkFolder(f, verifier, before)
	fail(err)
	fmt.Printf("OK %d entries root %v\n", tree.N, tree.Hash)
	if *list {
		fmt.Println(strings.Join(f.used, "\n"))
	}
}
