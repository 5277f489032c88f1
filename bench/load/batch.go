package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"slices"
	"strings"
	"time"

	"github.com/pierrec/lz4/v4"
)

// Offsets within a record batch of version 2 (KIP-98).
const (
	batchLengthAt   = 8
	crcAt           = 17
	attributesAt    = 21
	lastDeltaAt     = 23
	baseTimestampAt = 27
	maxTimestampAt  = 35
	producerIDAt    = 43
	producerEpochAt = 51
	baseSequenceAt  = 53
	recordsAt       = 61
	isTransactional = 1 << 4
	isControl       = 1 << 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newBatch is a record batch of n records without keys, each with a value of size random bytes.
func newBatch(n, size int) []byte {
	value := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(value)
	return newBatchOf(slices.Repeat([][]byte{value}, n))
}

// textBatch is a compressed one whose values have the same names and other numbers, as JSON has, so that they shrink as much as that does.
func textBatch(n, size int) []byte {
	names := strings.Fields("sensor degrees humidity pressure battery status room floor building version")
	random := rand.New(rand.NewSource(1))
	values := make([][]byte, n)
	for i := range values {
		for name := 0; len(values[i]) < size; name++ {
			values[i] = fmt.Appendf(values[i], "\"%s\":%d,", names[name%len(names)], random.Intn(100))
		}
		values[i] = values[i][:size]
	}
	return compressed(newBatchOf(values))
}

func newBatchOf(values [][]byte) []byte {
	be := binary.BigEndian
	b := make([]byte, recordsAt)
	n := len(values)
	for i, value := range values {
		var r []byte
		r = append(r, 0)                     // attributes
		r = binary.AppendVarint(r, 0)        // timestamp delta
		r = binary.AppendVarint(r, int64(i)) // offset delta
		r = binary.AppendVarint(r, -1)       // no key
		r = binary.AppendVarint(r, int64(len(value)))
		r = append(r, value...)
		r = binary.AppendVarint(r, 0) // no headers
		b = binary.AppendVarint(b, int64(len(r)))
		b = append(b, r...)
	}
	be.PutUint32(b[batchLengthAt:], uint32(len(b)-12))
	be.PutUint32(b[12:], ^uint32(0)) // leader epoch -1
	b[16] = 2
	be.PutUint32(b[lastDeltaAt:], uint32(n-1))
	now := uint64(time.Now().UnixMilli())
	be.PutUint64(b[baseTimestampAt:], now)
	be.PutUint64(b[maxTimestampAt:], now)
	be.PutUint32(b[57:], uint32(n))
	setProducer(b, -1, -1, -1)
	return b
}

func setProducer(b []byte, id int64, epoch int16, sequence int32) {
	be := binary.BigEndian
	if id >= 0 {
		be.PutUint16(b[attributesAt:], isTransactional)
	}
	be.PutUint64(b[producerIDAt:], uint64(id))
	be.PutUint16(b[producerEpochAt:], uint16(epoch))
	be.PutUint32(b[baseSequenceAt:], uint32(sequence))
	seal(b)
}

// compressed is the batch with its records compressed as -codec has it.
func compressed(batch []byte) []byte {
	var out bytes.Buffer
	out.Write(batch[:recordsAt])
	var w io.WriteCloser
	var id uint16
	switch *codec {
	case "gzip":
		w, id = gzip.NewWriter(&out), 1
	case "lz4":
		w, id = lz4.NewWriter(&out), 3
	default:
		fail("-codec %s: none, gzip or lz4", *codec)
	}
	_, err := w.Write(batch[recordsAt:])
	check(err)
	check(w.Close())
	b := out.Bytes()
	binary.BigEndian.PutUint32(b[batchLengthAt:], uint32(len(b)-12))
	binary.BigEndian.PutUint16(b[attributesAt:], id)
	seal(b)
	return b
}

func seal(b []byte) {
	binary.BigEndian.PutUint32(b[crcAt:], crc32.Checksum(b[attributesAt:], castagnoli))
}

// eachBatch calls f with each whole batch and gives the offset after the last, or -1 if there is none, and how many records there are.
func eachBatch(records []byte, f func(batch []byte)) (int64, int64) {
	be := binary.BigEndian
	after, count := int64(-1), int64(0)
	for len(records) >= recordsAt {
		size := 12 + int(int32(be.Uint32(records[batchLengthAt:])))
		if size < recordsAt || size > len(records) {
			break
		}
		last := int64(int32(be.Uint32(records[lastDeltaAt:])))
		after = int64(be.Uint64(records)) + last + 1
		if be.Uint16(records[attributesAt:])&isControl == 0 {
			count += last + 1
			if f != nil {
				f(records[:size])
			}
		}
		records = records[size:]
	}
	return after, count
}
