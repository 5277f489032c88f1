package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	retriesMax         = 30_000
	retryPause         = time.Millisecond
	lastClassicProduce = 11
	lastClassicEnd     = 4
)

// What a coordinator says that is not ready: loading, not available, not the one, the transaction before is not over.
var notYet = []int16{14, 15, 16, 51}

// retried asks until the answer is not one of notYet.
func retried(what string, ask func() int16) {
	for range retriesMax {
		switch code := ask(); {
		case code == 0:
			return
		case !slices.Contains(notYet, code):
			fail("%s: error code %d", what, code)
		}
		time.Sleep(retryPause)
	}
	fail("%s: never ready", what)
}

// coordinatorOf gives the address of a group's (kind 0) or a transactional id's (kind 1) coordinator.
func coordinatorOf(key string, kind int8) string {
	c := dial(*broker)
	defer c.Close()
	var address string
	retried("find coordinator", func() int16 {
		req := newest(kmsg.NewPtrFindCoordinatorRequest(), 3)
		req.CoordinatorKey, req.CoordinatorType = key, kind
		resp := c.ask(req).(*kmsg.FindCoordinatorResponse)
		address = net.JoinHostPort(resp.Host, fmt.Sprint(resp.Port))
		return resp.ErrorCode
	})
	return address
}

// txn is one transactional producer. With the second generation of the protocol (KIP-890) partitions join by being written to, and each end gives
// the epoch of the next transaction.
type txn struct {
	id                  string
	coordinator, leader *conn
	partition
	implicit   bool
	records    []byte
	producerID int64
	epoch      int16
	sequence   int32
	out        []byte
	count      int
}

// transactions has one transactional producer a connection, each with one partition. -total counts bytes of values.
func transactions() {
	all := partitionsOf(*topic)
	var producers []*txn
	run := rand.Int63()
	for i := range *conns {
		t := &txn{id: fmt.Sprintf("load-%x-%d", run, i), partition: all[i%len(all)], records: newBatch(*records, *recordSize)}
		t.coordinator, t.leader = dial(coordinatorOf(t.id, 1)), dial(t.partition.leader)
		t.begin()
		producers = append(producers, t)
	}
	phases(func(m *meter, allowed func(int) bool) {
		together(producers, func(t *txn) {
			for allowed(*records * *recordSize) {
				began := time.Now()
				t.write()
				t.count++
				t.end(*abortEvery == 0 || t.count%*abortEvery != 0)
				m.took(time.Since(began).Seconds() * 1e3)
				m.did(*records**recordSize, *records)
			}
		})
	})
}

func (t *txn) begin() {
	retried("init producer id", func() int16 {
		req := newest(kmsg.NewPtrInitProducerIDRequest(), 5)
		req.TransactionalID, req.TransactionTimeoutMillis = &t.id, 60_000
		req.ProducerID, req.ProducerEpoch = -1, -1
		resp := t.coordinator.ask(req).(*kmsg.InitProducerIDResponse)
		t.producerID, t.epoch, t.sequence = resp.ProducerID, resp.ProducerEpoch, 0
		return resp.ErrorCode
	})
	t.implicit = features["transaction.version"] >= 2
}

func (t *txn) write() {
	limit := int16(anyVersion)
	if !t.implicit {
		limit = lastClassicProduce
		retried("add partitions", t.add)
	}
	setProducer(t.records, t.producerID, t.epoch, t.sequence)
	req := produceRequest([]partition{t.partition}, t.records, limit)
	req.TransactionID = &t.id
	t.out = formatter.AppendRequest(t.out[:0], req, 0)
	errorAt := producedAt(req.Version, t.topic)
	retried("produce", func() int16 {
		t.leader.send(t.out)
		return int16(binary.BigEndian.Uint16(t.leader.answer()[errorAt:]))
	})
	t.sequence += int32(*records)
}

func (t *txn) add() int16 {
	req := newest(kmsg.NewPtrAddPartitionsToTxnRequest(), 3)
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = t.id, t.producerID, t.epoch
	one := kmsg.NewAddPartitionsToTxnRequestTopic()
	one.Topic, one.Partitions = t.topic, []int32{t.partition.id}
	req.Topics = append(req.Topics, one)
	return t.coordinator.ask(req).(*kmsg.AddPartitionsToTxnResponse).Topics[0].Partitions[0].ErrorCode
}

func (t *txn) end(isCommit bool) {
	limit := int16(anyVersion)
	if !t.implicit {
		limit = lastClassicEnd
	}
	retried("end transaction", func() int16 {
		req := newest(kmsg.NewPtrEndTxnRequest(), limit)
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = t.id, t.producerID, t.epoch, isCommit
		resp := t.coordinator.ask(req).(*kmsg.EndTxnResponse)
		if resp.ErrorCode == 0 && req.Version >= 5 {
			t.producerID, t.epoch, t.sequence = resp.ProducerID, resp.ProducerEpoch, 0
		}
		return resp.ErrorCode
	})
}
