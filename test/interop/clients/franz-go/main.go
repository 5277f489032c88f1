// franz-go with kadm, its admin client.
package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "millrace/interop/lib/scenario"
)

func main() {
	Run(
		Scenario{Name: "produce-consume", Run: produceConsume},
		Scenario{Name: "idempotent", Run: idempotent},
		Scenario{Name: "transactions", Run: transactions},
		Scenario{Name: "group-rebalance", Run: groupRebalance},
		Scenario{Name: "admin", Run: admin},
		Scenario{Name: "errors", Run: clientErrors},
	)
}

// limited bounds one call; the timer is left to run out.
func limited() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), CallLimit)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func newClient(bootstrap string, options ...kgo.Opt) *kgo.Client {
	options = append(options, kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return Must(kgo.NewClient(options...))
}

func create(bootstrap, topic string, partitions int32, configs map[string]*string) *kadm.Client {
	admin := kadm.NewClient(newClient(bootstrap))
	Must(admin.CreateTopic(limited(), partitions, 1, configs, topic))
	return admin
}

func send(client *kgo.Client, records ...*kgo.Record) kgo.ProduceResults {
	results := client.ProduceSync(limited(), records...)
	NoError("produce", results.FirstErr())
	return results
}

func readAll(bootstrap, topic string, count int) []Record {
	client := newClient(bootstrap, kgo.ConsumeTopics(topic), kgo.FetchMaxWait(200*time.Millisecond))
	defer client.Close()
	var records []Record
	for len(records) < count {
		fetches := client.PollFetches(limited())
		NoError("poll", fetches.Err0())
		for _, r := range fetches.Records() {
			record := Record{Partition: int(r.Partition), Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli()}
			for _, header := range r.Headers {
				record.Headers = append(record.Headers, Header{Name: header.Key, Value: header.Value})
			}
			records = append(records, record)
		}
	}
	return records
}

func produceConsume(bootstrap, prefix string) {
	topic := prefix + "-produce-consume"
	create(bootstrap, topic, 2, nil)
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{
		{"none", kgo.NoCompression()},
		{"gzip", kgo.GzipCompression()},
		{"snappy", kgo.SnappyCompression()},
		{"lz4", kgo.Lz4Compression()},
		{"zstd", kgo.ZstdCompression()},
	}
	var wanted []Record
	for i, codec := range codecs {
		client := newClient(bootstrap, kgo.ProducerBatchCompression(codec.codec), kgo.DefaultProduceTopic(topic))
		samples := Samples(codec.name, i)
		var records []*kgo.Record
		for _, sample := range samples {
			record := &kgo.Record{Key: sample.Key, Value: sample.Value, Partition: int32(sample.Partition)}
			record.Timestamp = time.UnixMilli(sample.Timestamp)
			for _, header := range sample.Headers {
				record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
			}
			records = append(records, record)
		}
		send(client, records...)
		for j, record := range records {
			Expect(codec.name+": offset", record.Offset, samples[j].Offset)
		}
		client.Close()
		wanted = append(wanted, samples...)
	}
	read := readAll(bootstrap, topic, len(wanted))
	for partition := range 2 {
		Expect(fmt.Sprint("records of ", partition), OfPartition(read, partition), OfPartition(wanted, partition))
	}
}

func idempotent(bootstrap, prefix string) {
	topic := prefix + "-idempotent"
	admin := create(bootstrap, topic, 1, nil)
	client := newClient(bootstrap, kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(5000))
	const count = 1000
	results := make(chan error, count)
	for n := range count {
		client.Produce(limited(), kgo.StringRecord(strconv.Itoa(n)), func(r *kgo.Record, err error) {
			if err == nil && r.Offset != int64(n) {
				err = fmt.Errorf("record %d is at %d", n, r.Offset)
			}
			results <- err
		})
	}
	for range count {
		NoError("produce", <-results)
	}
	for n, record := range readAll(bootstrap, topic, count) {
		Expect("record", string(record.Value), strconv.Itoa(n))
	}
	producerID, epoch, err := client.ProducerID(limited())
	NoError("producer id", err)
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	described := Must(admin.DescribeProducers(limited(), set))[topic].Partitions[0]
	NoError("producers", described.Err)
	active := described.ActiveProducers.Sorted()
	Expect("producers", len(active), 1)
	Expect("producer", active[0].ProducerID, producerID)
	Expect("epoch", active[0].ProducerEpoch, epoch)
	Expect("last sequence", active[0].LastSequence, count-1)
	client.Close()
}

// transactions: an exactly-once session that copies records, aborts every third time, and is fenced by a successor.
func transactions(bootstrap, prefix string) {
	from, to := prefix+"-transactions-from", prefix+"-transactions-to"
	admin := create(bootstrap, from, 1, nil)
	create(bootstrap, to, 1, nil)
	const count = 200
	source := newClient(bootstrap, kgo.DefaultProduceTopic(from))
	for n := range count {
		send(source, kgo.StringRecord(strconv.Itoa(n)))
	}
	source.Close()
	copyAll(bootstrap, prefix, from, to, count)
	for n, value := range readCommitted(bootstrap, to, count) {
		Expect("copied record", value, strconv.Itoa(n)+"!")
	}
	offsets := Must(admin.FetchOffsets(limited(), prefix+"-transactions-group"))
	at, _ := offsets.Lookup(from, 0)
	Expect("the group's offset", at.At, int64(count))

	zombie := newClient(bootstrap, kgo.DefaultProduceTopic(to), kgo.TransactionalID(prefix+"-fenced"))
	NoError("begin", zombie.BeginTransaction())
	send(zombie, kgo.StringRecord("lost"))
	successor := newClient(bootstrap, kgo.DefaultProduceTopic(to), kgo.TransactionalID(prefix+"-fenced"))
	NoError("begin", successor.BeginTransaction())
	send(successor, kgo.StringRecord("kept"))
	NoError("commit", successor.EndTransaction(limited(), kgo.TryCommit))
	err := zombie.EndTransaction(limited(), kgo.TryCommit)
	Expect("a fenced producer's commit fails", err != nil, true)
	values := readCommitted(bootstrap, to, count+1)
	Expect("the last record", values[count], "kept")
	zombie.Close()
	successor.Close()
}

func copyAll(bootstrap, prefix, from, to string, count int64) {
	session := Must(kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap), kgo.TransactionalID(prefix+"-transactions"), kgo.DefaultProduceTopic(to),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumerGroup(prefix+"-transactions-group"), kgo.ConsumeTopics(from),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(), kgo.FetchMaxWait(200*time.Millisecond),
	))
	defer session.Close()
	for round, next := 0, int64(0); next < count; round++ {
		fetches := session.PollRecords(limited(), 30)
		NoError("poll", fetches.Err0())
		if fetches.NumRecords() == 0 {
			continue
		}
		NoError("begin", session.Begin())
		last := int64(0)
		for _, record := range fetches.Records() {
			session.Produce(limited(), kgo.StringRecord(string(record.Value)+"!"), nil)
			last = record.Offset
		}
		commit := kgo.TransactionEndTry(round%3 != 1)
		committed, err := session.End(limited(), commit)
		NoError("end", err)
		Expect("committed", committed, bool(commit))
		if committed {
			next = last + 1
		}
	}
}

func readCommitted(bootstrap, topic string, count int) []string {
	client := newClient(bootstrap, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(200*time.Millisecond))
	defer client.Close()
	var values []string
	for len(values) < count {
		fetches := client.PollFetches(limited())
		NoError("poll", fetches.Err0())
		for _, r := range fetches.Records() {
			values = append(values, string(r.Value))
		}
	}
	Expect("committed records", len(values), count)
	return values
}

func join(bootstrap, group, topic string) *Member {
	member := &Member{}
	client := newClient(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.FetchMaxWait(100*time.Millisecond), kgo.HeartbeatInterval(200*time.Millisecond), kgo.BlockRebalanceOnPoll())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			if records := fetches.Records(); len(records) > 0 {
				if err := client.CommitRecords(limited(), records...); err != nil {
					member.Broken(err)
				}
				for _, r := range records {
					member.Add(int(r.Partition), r.Offset, r.Value)
				}
			}
			client.AllowRebalance()
		}
	}()
	member.Leave = func() {
		cancel()
		<-ended
		client.CloseAllowingRebalance()
	}
	return member
}

func sharesOf(admin *kadm.Client, group string) []int {
	described := Must(admin.DescribeGroups(limited(), group))[group]
	if described.State != "Stable" {
		return nil
	}
	var shares []int
	for _, member := range described.Members {
		count := 0
		if assigned, ok := member.Assigned.AsConsumer(); ok {
			for _, topic := range assigned.Topics {
				count += len(topic.Partitions)
			}
		}
		shares = append(shares, count)
	}
	return shares
}

func groupRebalance(bootstrap, prefix string) {
	topic, group := prefix+"-group-rebalance", prefix+"-group"
	admin := create(bootstrap, topic, 4, nil)
	producer := newClient(bootstrap, kgo.DefaultProduceTopic(topic))
	Group{
		Send: func(partition int, value string) {
			send(producer, &kgo.Record{Value: []byte(value), Partition: int32(partition)})
		},
		Join:   func() *Member { return join(bootstrap, group, topic) },
		Shares: func() []int { return sharesOf(admin, group) },
		Committed: func() []int64 {
			var offsets []int64
			for _, response := range Must(admin.FetchOffsets(limited(), group)).Sorted() {
				offsets = append(offsets, response.At)
			}
			return offsets
		},
	}.Rebalance()
}

func admin(bootstrap, prefix string) {
	topic, group := prefix+"-admin", prefix+"-admin-group"
	client := create(bootstrap, topic, 2, map[string]*string{"retention.ms": kadm.StringPtr("123456")})
	partitions := func() []int32 {
		details := Must(client.ListTopics(limited(), topic))[topic]
		NoError("listing", details.Err)
		return details.Partitions.Numbers()
	}
	Expect("partitions", partitions(), []int32{0, 1})
	brokers := Must(client.ListBrokers(limited()))
	Expect("first broker", brokers[0].NodeID, int32(1))
	Must(client.UpdatePartitions(limited(), 3, topic))
	WaitFor("three partitions", func() bool { return len(partitions()) == 3 })

	adminConfigs(client, topic)
	adminRecords(bootstrap, client, topic)
	adminGroups(bootstrap, client, topic, group)

	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	size := int64(0)
	Must(client.DescribeAllLogDirs(limited(), set)).Each(func(dir kadm.DescribedLogDir) { size += dir.Size() })
	if size <= 0 {
		Fail("the log folders say that the topic has %d bytes", size)
	}
	Must(client.DeleteTopic(limited(), topic))
	WaitFor("deletion", func() bool { return !Must(client.ListTopics(limited())).Has(topic) })
}

func adminConfigs(client *kadm.Client, topic string) {
	valueOf := func(name string) string {
		for _, config := range Must(Must(client.DescribeTopicConfigs(limited(), topic)).On(topic, nil)).Configs {
			if config.Key == name {
				return config.MaybeValue()
			}
		}
		return "nothing"
	}
	alter := func(op kadm.IncrementalOp, name string, value *string) {
		change := []kadm.AlterConfig{{Op: op, Name: name, Value: value}}
		NoError(name, Must(client.AlterTopicConfigs(limited(), change, topic))[0].Err)
	}
	Expect("configured value", valueOf("retention.ms"), "123456")
	alter(kadm.SetConfig, "max.message.bytes", kadm.StringPtr("5000"))
	WaitFor("the altered value", func() bool { return valueOf("max.message.bytes") == "5000" })
	alter(kadm.DeleteConfig, "retention.ms", nil)
	WaitFor("the default", func() bool { return valueOf("retention.ms") == "604800000" })
	alter(kadm.AppendConfig, "cleanup.policy", kadm.StringPtr("compact"))
	WaitFor("the appended value", func() bool { return valueOf("cleanup.policy") == "delete,compact" })
	alter(kadm.SubtractConfig, "cleanup.policy", kadm.StringPtr("compact"))
	WaitFor("the value without it", func() bool { return valueOf("cleanup.policy") == "delete" })
}

func adminRecords(bootstrap string, client *kadm.Client, topic string) {
	producer := newClient(bootstrap, kgo.DefaultProduceTopic(topic))
	for n := range 10 {
		send(producer, &kgo.Record{Value: []byte("x"), Timestamp: time.UnixMilli(int64(1000 + n))})
	}
	producer.Close()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 4, -1)
	deleted, _ := Must(client.DeleteRecords(limited(), offsets)).Lookup(topic, 0)
	Expect("low watermark", deleted.LowWatermark, 4)
	offsetIn := func(listed kadm.ListedOffsets, err error) int64 {
		NoError("listing offsets", errors.Join(err, listed.Error()))
		found, _ := listed.Lookup(topic, 0)
		return found.Offset
	}
	Expect("first offset", offsetIn(client.ListStartOffsets(limited(), topic)), 4)
	Expect("end offset", offsetIn(client.ListEndOffsets(limited(), topic)), 10)
	Expect("offset for time", offsetIn(client.ListOffsetsAfterMilli(limited(), 1007, topic)), 7)
	Expect("offset of the greatest time", offsetIn(client.ListMaxTimestampOffsets(limited(), topic)), 9)
}

func adminGroups(bootstrap string, client *kadm.Client, topic, group string) {
	member := join(bootstrap, group, topic)
	member.WaitForCount(6)
	described := Must(client.DescribeGroups(limited(), group))[group]
	Expect("group", described.State+" "+described.ProtocolType, "Stable consumer")
	Expect("shares", sharesOf(client, group), []int{3})
	_, err := client.DeleteGroup(limited(), group)
	expectError("deletion of a group in use", err, kerr.NonEmptyGroup)
	member.Leave()
	listed := Must(client.ListGroups(limited()))[group]
	Expect("listed", listed.ProtocolType+" "+listed.State, "consumer Empty")
	committed := func() int64 {
		response, _ := Must(client.FetchOffsets(limited(), group)).Lookup(topic, 0)
		return response.At
	}
	Expect("committed", committed(), 10)
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 5, -1)
	NoError("commit", client.CommitAllOffsets(limited(), group, offsets))
	Expect("committed by hand", committed(), 5)
	set := kadm.TopicsSet{}
	set.Add(topic, 0)
	NoError("deletion of an offset", Must(client.DeleteOffsets(limited(), group, set)).Error())
	Expect("offsets left", len(Must(client.FetchOffsets(limited(), group))), 0)
	Must(client.DeleteGroup(limited(), group))
	_, err = client.DeleteGroup(limited(), group)
	expectError("second deletion", err, kerr.GroupIDNotFound)
}

func expectError(what string, err error, wanted *kerr.Error) {
	if !errors.Is(err, wanted) {
		Fail("%s: got %v, wanted %s", what, err, wanted.Message)
	}
}

func clientErrors(bootstrap, prefix string) {
	topic, unknown := prefix+"-errors", prefix+"-unknown"
	client := create(bootstrap, topic, 1, nil)
	producer := newClient(bootstrap, kgo.ProducerBatchMaxBytes(4_000_000), kgo.UnknownTopicRetries(1),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	write := func(topic string, size int) (kgo.ProduceResults, error) {
		results := producer.ProduceSync(limited(), &kgo.Record{Topic: topic, Value: make([]byte, size)})
		return results, results.FirstErr()
	}
	_, err := write(topic, 2_000_000)
	expectError("a record of 2 MB", err, kerr.MessageTooLarge)
	results, err := write(topic, 5)
	NoError("the next record", err)
	Expect("its offset", results[0].Record.Offset, 0)
	_, err = write(unknown, 5)
	expectError("writing to an unknown topic", err, kerr.UnknownTopicOrPartition)
	_, err = client.DeleteTopic(limited(), unknown)
	expectError("deleting an unknown topic", err, kerr.UnknownTopicOrPartition)
	_, err = client.CreateTopic(limited(), 1, 1, nil, topic)
	expectError("an existing topic", err, kerr.TopicAlreadyExists)
	_, err = client.CreateTopic(limited(), 1, 1, nil, prefix+" with blanks")
	expectError("an invalid name", err, kerr.InvalidTopicException)
	_, err = client.CreateTopic(limited(), 1, 3, nil, unknown)
	expectError("three replicas on one node", err, kerr.InvalidReplicationFactor)
}
