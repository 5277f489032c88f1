// main BOOTSTRAP NAME FILE PLAIN RATE TRANSACTIONAL GROUP: the roles of SoakClient.java with franz-go, until stdin ends.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type place struct {
	topic     string
	partition int32
}

type fields map[string]any

var (
	bootstrap, name, group string
	rate                   int
	history                *os.File
	stopping, stop         = context.WithCancel(context.Background())
	numbers                atomic.Int64
	padding                = make([]byte, 150)
)

// now is the machine's monotonic clock, the same for all writers of a history.
func now() float64 {
	var at syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&at)), 0)
	return float64(at.Sec)*1e3 + float64(at.Nsec)/1e6
}

func line(kind, client string, more fields) {
	more["kind"], more["at"], more["client"] = kind, now(), client
	text, err := json.Marshal(more)
	if err == nil {
		_, err = history.Write(append(text, '\n'))
	}
	if err != nil {
		os.Exit(3)
	}
}

func partitions(list string) []place {
	var all []place
	for _, item := range strings.Split(list, ",") {
		topic, count, _ := strings.Cut(item, ":")
		n, _ := strconv.Atoi(count)
		for p := 0; p < n; p++ {
			all = append(all, place{topic, int32(p)})
		}
	}
	return all
}

func topicsOf(all []place) []string {
	var topics []string
	for _, at := range all {
		if at.partition == 0 {
			topics = append(topics, at.topic)
		}
	}
	return topics
}

func newClient(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequestTimeoutOverhead(5*time.Second), kgo.ProduceRequestTimeout(5*time.Second), kgo.RecordDeliveryTimeout(120*time.Second),
		kgo.UnknownTopicRetries(-1), kgo.RetryTimeout(60*time.Second), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RetryBackoffFn(func(tries int) time.Duration { return time.Duration(min(tries, 10)*20) * time.Millisecond }))...)
	if err != nil {
		panic(err)
	}
	return client
}

func send(producer *kgo.Client, client string, to place, transaction string, done func()) {
	value := fmt.Sprintf("%s-%d", client, numbers.Add(1))
	told := fields{"id": value, "topic": to.topic, "partition": to.partition, "values": []string{value}, "idempotent": true, "ordered": true}
	if transaction != "" {
		told["transaction"] = transaction
	}
	line("send", client, told)
	record := &kgo.Record{Topic: to.topic, Partition: to.partition, Key: padding, Value: []byte(value)}
	producer.Produce(context.Background(), record, func(sent *kgo.Record, err error) {
		if err == nil {
			line("sent", client, fields{"id": value, "outcome": "acked", "baseOffset": sent.Offset})
		} else {
			line("sent", client, fields{"id": value, "outcome": "unknown", "error": err.Error()})
		}
		done()
	})
}

func produce(all []place) {
	client := name + ".p"
	producer := newClient(kgo.ProducerLinger(5 * time.Millisecond))
	var waiting atomic.Int64
	for turn := 0; stopping.Err() == nil; time.Sleep(50 * time.Millisecond) {
		for i := 0; i < max(1, rate/20) && waiting.Load() < 1000; i++ {
			waiting.Add(1)
			send(producer, client, all[turn%len(all)], "", func() { waiting.Add(-1) })
			turn++
		}
	}
	limited, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	_ = producer.Flush(limited)
	producer.Close()
}

// positions are what a reader reads next, and are told as they move.
type positions struct {
	sync.Mutex
	client string
	next   map[place]int64
}

func (p *positions) seek(at place, position int64) {
	p.Lock()
	defer p.Unlock()
	p.next[at] = max(position, 0)
	line("seek", p.client, fields{"topic": at.topic, "partition": at.partition, "position": max(position, 0)})
}

// poll reads once and answers the partitions that had something.
func (p *positions) poll(consumer *kgo.Client, more fields) []place {
	began := now()
	limited, cancel := context.WithTimeout(stopping, 500*time.Millisecond)
	defer cancel()
	var found []place
	consumer.PollRecords(limited, 500).EachPartition(func(fetched kgo.FetchTopicPartition) {
		at := place{fetched.Topic, fetched.Partition}
		p.Lock()
		defer p.Unlock()
		position, mine := p.next[at]
		if !mine || len(fetched.Records) == 0 {
			return
		}
		var seen [][2]any
		for _, record := range fetched.Records {
			seen = append(seen, [2]any{record.Offset, string(record.Value)})
			p.next[at] = record.Offset + 1
		}
		told := fields{"began": began, "topic": at.topic, "partition": at.partition, "position": position, "records": seen}
		for key, value := range more {
			told[key] = value
		}
		line("read", p.client, told)
		found = append(found, at)
	})
	return found
}

func read(client string, all []place, isolation kgo.IsolationLevel, isolationName string) {
	p := &positions{client: client, next: map[place]int64{}}
	from := map[string]map[int32]kgo.Offset{}
	for _, at := range all {
		if from[at.topic] == nil {
			from[at.topic] = map[int32]kgo.Offset{}
		}
		from[at.topic][at.partition] = kgo.NewOffset().At(0)
		p.seek(at, 0)
	}
	consumer := newClient(kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(isolation), kgo.FetchMaxWait(200*time.Millisecond))
	defer consumer.Close()
	for stopping.Err() == nil {
		p.poll(consumer, fields{"isolation": isolationName})
	}
}

func consumeInGroup(client string, all []place) {
	p := &positions{client: client, next: map[place]int64{}}
	uncommitted := map[place]int64{}
	var consumer *kgo.Client
	owns := func() {
		member, generation := consumer.GroupMetadata()
		owned := [][2]any{}
		p.Lock()
		for at := range p.next {
			owned = append(owned, [2]any{at.topic, at.partition})
		}
		p.Unlock()
		line("assigned", client, fields{"group": group, "generation": generation, "member": member, "partitions": owned})
	}
	commit := func() {
		if len(uncommitted) == 0 {
			return
		}
		// The generation that the client commits with is not told: one that is asked for beforehand may be over by then.
		member, _ := consumer.GroupMetadata()
		id := fmt.Sprintf("%s-commit-%d", client, numbers.Add(1))
		offsets := [][3]any{}
		commits := map[string]map[int32]kgo.EpochOffset{}
		for at, offset := range uncommitted {
			offsets = append(offsets, [3]any{at.topic, at.partition, offset})
			if commits[at.topic] == nil {
				commits[at.topic] = map[int32]kgo.EpochOffset{}
			}
			commits[at.topic][at.partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
		}
		line("commit", client, fields{"id": id, "group": group, "generation": -1, "member": member, "offsets": offsets})
		outcome := "unknown"
		limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		consumer.CommitOffsetsSync(limited, commits, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			if err != nil || response == nil {
				return
			}
			for _, topic := range response.Topics {
				for _, partition := range topic.Partitions {
					if partition.ErrorCode != 0 {
						return
					}
				}
			}
			outcome = "acked"
		})
		line("committed", client, fields{"id": id, "outcome": outcome})
		if outcome == "acked" {
			clear(uncommitted)
		}
	}
	forget := func(gone map[string][]int32) {
		p.Lock()
		for topic, numbers := range gone {
			for _, partition := range numbers {
				delete(p.next, place{topic, partition})
				delete(uncommitted, place{topic, partition})
			}
		}
		p.Unlock()
		owns()
	}
	options := []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topicsOf(all)...), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(10 * time.Second), kgo.RebalanceTimeout(20 * time.Second), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.AdjustFetchOffsetsFn(func(_ context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			for topic, numbers := range offsets {
				for partition, offset := range numbers {
					p.seek(place{topic, partition}, offset.EpochOffset().Offset)
				}
			}
			owns()
			return offsets, nil
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { commit(); forget(gone) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { forget(gone) }),
	}
	consumer = newClient(options...)
	last := time.Now()
	for stopping.Err() == nil {
		for _, at := range p.poll(consumer, fields{"isolation": "read_uncommitted", "group": group}) {
			uncommitted[at] = p.next[at]
		}
		if time.Since(last) > 500*time.Millisecond {
			commit()
			last = time.Now()
		}
		consumer.AllowRebalance()
	}
	consumer.CloseAllowingRebalance()
}

func transact(all []place) {
	for life := 1; stopping.Err() == nil; life++ {
		client := fmt.Sprintf("%s.t%d", name, life)
		producer := newClient(kgo.TransactionalID(group+"-t"), kgo.TransactionTimeout(20*time.Second), kgo.ProducerLinger(2*time.Millisecond))
		for n := 1; stopping.Err() == nil; n++ {
			if err := oneTransaction(producer, client, fmt.Sprintf("%s-tx-%d", client, n), all); err != nil {
				fmt.Fprintf(os.Stderr, "%s ended: %v\n", client, err)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		producer.Close()
	}
}

func oneTransaction(producer *kgo.Client, client, transaction string, all []place) error {
	limited, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := producer.BeginTransaction(); err != nil {
		time.Sleep(500 * time.Millisecond)
		return err
	}
	line("begin", client, fields{"transaction": transaction})
	var failed atomic.Bool
	for range 1 + rand.Intn(20) {
		send(producer, client, all[rand.Intn(len(all))], transaction, func() {})
	}
	if err := producer.Flush(limited); err != nil {
		failed.Store(true)
	}
	commit := kgo.TransactionEndTry(rand.Intn(5) > 0 && !failed.Load())
	line("end", client, fields{"transaction": transaction, "commit": bool(commit)})
	err := producer.EndTransaction(limited, commit)
	outcome := "acked"
	if err != nil {
		outcome = "unknown"
	}
	line("ended", client, fields{"transaction": transaction, "outcome": outcome})
	return err
}

func main() {
	bootstrap, name, group = os.Args[1], os.Args[2], os.Args[7]
	rate, _ = strconv.Atoi(os.Args[5])
	rand.Read(padding)
	var err error
	if history, err = os.OpenFile(os.Args[3], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		panic(err)
	}
	plain := partitions(os.Args[4])
	var working sync.WaitGroup
	working.Go(func() { produce(plain) })
	working.Go(func() { consumeInGroup(name+".g1", plain) })
	working.Go(func() { consumeInGroup(name+".g2", plain) })
	working.Go(func() { read(name+".r", plain, kgo.ReadUncommitted(), "read_uncommitted") })
	if os.Args[6] != "-" {
		transactional := partitions(os.Args[6])
		working.Go(func() { transact(transactional) })
		working.Go(func() { read(name+".c", transactional, kgo.ReadCommitted(), "read_committed") })
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	time.AfterFunc(90*time.Second, func() { os.Exit(0) })
	working.Wait()
}
