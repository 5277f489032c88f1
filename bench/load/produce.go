package main

import (
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func produceRequest(partitions []partition, records []byte, limit int16) *kmsg.ProduceRequest {
	req := newest(kmsg.NewPtrProduceRequest(), limit)
	req.Acks, req.TimeoutMillis = int16(*acks), 30000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = partitions[0].topic, partitions[0].uuid
	for _, p := range partitions {
		tp := kmsg.NewProduceRequestTopicPartition()
		tp.Partition, tp.Records = p.id, records
		t.Partitions = append(t.Partitions, tp)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// producedAt is where the error code is in the answer to a request for one partition, and the base offset after it.
func producedAt(version int16, topic string) int {
	switch {
	case version >= 13:
		return 4 + 1 + 1 + 16 + 1 + 4
	case version >= 9:
		return 4 + 1 + 1 + 1 + len(topic) + 1 + 4
	default:
		return 4 + 4 + 2 + len(topic) + 4 + 4
	}
}

// producedBytes is how much of an answer of version 9 or newer is of one partition without an error.
const producedBytes = 4 + 2 + 8 + 8 + 8 + 1 + 1 + 1

// made is a request that is sent again and again.
type made struct {
	frame   []byte
	errorAt int
	count   int
}

func makeProduce(records []byte, partitions ...partition) made {
	req := produceRequest(partitions, records, anyVersion)
	return made{formatter.AppendRequest(nil, req, 0), producedAt(req.Version, partitions[0].topic), len(partitions)}
}

func (m made) check(answer []byte) {
	for i := range m.count {
		if code := int16(binary.BigEndian.Uint16(answer[m.errorAt+i*producedBytes:])); code != 0 {
			fail("produce: error code %d", code)
		}
	}
}

type producer struct {
	*conn
	ready []made
	turn  int
}

func produce() {
	n := max(1, *batchBytes / *recordSize)
	batchOf := newBatch
	if *codec != "none" {
		batchOf = textBatch
	}
	records := batchOf(n, *recordSize)
	n *= *perAsk
	size := n * *recordSize
	var producers []*producer
	for _, s := range shares(partitionsOf(*topic)) {
		p := &producer{conn: dial(s.leader)}
		for some := range slices.Chunk(s.partitions, *perAsk) {
			p.ready = append(p.ready, makeProduce(records, some...))
		}
		producers = append(producers, p)
	}
	phases(func(m *meter, allowed func(int) bool) {
		together(producers, func(p *producer) { p.run(m, allowed, size, n) })
	})
}

// run keeps the connection full. For each answer that is there already another request is written, all in one write if they are small.
func (p *producer) run(m *meter, allowed func(int) bool, size, n int) {
	if *acks == 0 {
		for allowed(size) {
			p.send(p.next().frame)
			m.did(size, n)
		}
		return
	}
	var out []byte
	var awaited []made
	for {
		out = out[:0]
		for len(awaited) < *inflight && allowed(size) {
			one := p.next()
			if len(one.frame) < 8<<10 {
				out = append(out, one.frame...)
			} else {
				p.send(one.frame)
			}
			awaited = append(awaited, one)
		}
		if len(out) > 0 {
			p.send(out)
		}
		if len(awaited) == 0 {
			return
		}
		for {
			awaited[0].check(p.answer())
			awaited = awaited[1:]
			m.did(size, n)
			if len(awaited) == 0 || !p.waiting() {
				break
			}
		}
	}
}

func (p *producer) next() made {
	p.turn++
	return p.ready[p.turn%len(p.ready)]
}
