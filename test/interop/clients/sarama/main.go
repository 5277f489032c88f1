// IBM/sarama at the newest protocol versions that it knows.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	. "millrace/interop/lib/scenario"
)

func main() {
	Run(
		Scenario{Name: "produce-consume", Run: produceConsume},
		Scenario{Name: "idempotent", Run: idempotent},
		Scenario{Name: "group-rebalance", Run: groupRebalance},
		Scenario{Name: "admin", Run: admin},
		Scenario{Name: "errors", Run: clientErrors},
	)
}

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	return config
}

func create(bootstrap, topic string, partitions int32, configs map[string]*string) sarama.ClusterAdmin {
	admin := Must(sarama.NewClusterAdmin([]string{bootstrap}, newConfig()))
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}
	NoError("creation", admin.CreateTopic(topic, detail, false))
	return admin
}

func newProducer(bootstrap string, change func(*sarama.Config)) sarama.SyncProducer {
	config := newConfig()
	if change != nil {
		change(config)
	}
	return Must(sarama.NewSyncProducer([]string{bootstrap}, config))
}

// encoder keeps null null: a ByteEncoder of nil is an empty value.
func encoder(value []byte) sarama.Encoder {
	if value == nil {
		return nil
	}
	return sarama.ByteEncoder(value)
}

func produceConsume(bootstrap, prefix string) {
	topic := prefix + "-produce-consume"
	create(bootstrap, topic, 2, nil)
	var wanted []Record
	codecs := []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
	for i, codec := range codecs {
		samples := Samples(codec.String(), i)
		var messages []*sarama.ProducerMessage
		for _, sample := range samples {
			message := &sarama.ProducerMessage{
				Topic: topic, Key: encoder(sample.Key), Value: encoder(sample.Value),
				Partition: int32(sample.Partition), Timestamp: time.UnixMilli(sample.Timestamp),
			}
			for _, header := range sample.Headers {
				message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
			}
			messages = append(messages, message)
		}
		producer := newProducer(bootstrap, func(config *sarama.Config) { config.Producer.Compression = codec })
		NoError(codec.String(), producer.SendMessages(messages))
		NoError("close", producer.Close())
		for j, message := range messages {
			Expect(codec.String()+": offset", message.Offset, samples[j].Offset)
		}
		wanted = append(wanted, samples...)
	}
	for partition := range 2 {
		read := readPartition(bootstrap, topic, partition, len(wanted)/2)
		Expect(fmt.Sprint("records of ", partition), OfPartition(read, partition), OfPartition(wanted, partition))
	}
}

func readPartition(bootstrap, topic string, partition, count int) []Record {
	consumer := Must(sarama.NewConsumer([]string{bootstrap}, newConfig()))
	defer consumer.Close()
	claim := Must(consumer.ConsumePartition(topic, int32(partition), 0))
	defer claim.Close()
	var records []Record
	limit := time.After(CallLimit)
	for len(records) < count {
		select {
		case m := <-claim.Messages():
			record := Record{Partition: int(m.Partition), Offset: m.Offset, Key: m.Key, Value: m.Value, Timestamp: m.Timestamp.UnixMilli()}
			for _, header := range m.Headers {
				record.Headers = append(record.Headers, Header{Name: string(header.Key), Value: header.Value})
			}
			records = append(records, record)
		case <-limit:
			Fail("%d of %d records of partition %d within %v", len(records), count, partition, CallLimit)
		}
	}
	return records
}

func idempotent(bootstrap, prefix string) {
	topic := prefix + "-idempotent"
	create(bootstrap, topic, 1, nil)
	producer := newProducer(bootstrap, func(config *sarama.Config) {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
		config.Producer.Flush.MaxMessages = 50
	})
	const count = 1000
	var messages []*sarama.ProducerMessage
	for n := range count {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(strconv.Itoa(n))})
	}
	NoError("send", producer.SendMessages(messages))
	NoError("close", producer.Close())
	for n, record := range readPartition(bootstrap, topic, 0, count) {
		Expect("record", string(record.Value), strconv.Itoa(n))
	}
}

type handler struct{ member *Member }

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			session.MarkMessage(message, "")
			session.Commit()
			h.member.Add(int(message.Partition), message.Offset, message.Value)
		case <-session.Context().Done():
			return nil
		}
	}
}

func join(bootstrap, group, topic string) *Member {
	member := &Member{}
	consumer := Must(sarama.NewConsumerGroup([]string{bootstrap}, group, newConfig()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil { // each turn is one generation of the group
			if err := consumer.Consume(ctx, []string{topic}, handler{member}); err != nil && ctx.Err() == nil {
				member.Broken(err)
				return
			}
		}
	}()
	member.Leave = func() {
		cancel()
		<-ended
		NoError("close", consumer.Close())
	}
	return member
}

func describeGroup(client sarama.ClusterAdmin, group string) *sarama.GroupDescription {
	described := Must(client.DescribeConsumerGroups([]string{group}))[0]
	if described.Err != sarama.ErrNoError && described.Err != sarama.ErrGroupIDNotFound {
		Fail("describing %s: %v", group, described.Err)
	}
	return described
}

func sharesOf(client sarama.ClusterAdmin, group string) []int {
	described := describeGroup(client, group)
	if described.State != "Stable" {
		return nil
	}
	var shares []int
	for _, member := range described.Members {
		count := 0
		for _, partitions := range Must(member.GetMemberAssignment()).Topics {
			count += len(partitions)
		}
		shares = append(shares, count)
	}
	return shares
}

func committed(client sarama.ClusterAdmin, group, topic string, partitions ...int32) []int64 {
	response := Must(client.ListConsumerGroupOffsets(group, map[string][]int32{topic: partitions}))
	var offsets []int64
	for _, partition := range partitions {
		block := response.GetBlock(topic, partition)
		if block.Err != sarama.ErrNoError {
			Fail("offset of %d: %v", partition, block.Err)
		}
		offsets = append(offsets, block.Offset)
	}
	return offsets
}

func groupRebalance(bootstrap, prefix string) {
	topic, group := prefix+"-group-rebalance", prefix+"-group"
	client := create(bootstrap, topic, 4, nil)
	producer := newProducer(bootstrap, nil)
	Group{
		Send: func(partition int, value string) {
			message := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value), Partition: int32(partition)}
			_, _, err := producer.SendMessage(message)
			NoError("send", err)
		},
		Join:      func() *Member { return join(bootstrap, group, topic) },
		Shares:    func() []int { return sharesOf(client, group) },
		Committed: func() []int64 { return committed(client, group, topic, 0, 1, 2, 3) },
	}.Rebalance()
}

func admin(bootstrap, prefix string) {
	topic, group := prefix+"-admin", prefix+"-admin-group"
	retention := "123456"
	client := create(bootstrap, topic, 2, map[string]*string{"retention.ms": &retention})
	brokers, controller, err := client.DescribeCluster()
	NoError("cluster", err)
	Expect("controller", controller, brokers[0].ID())
	partitions := func() []*sarama.PartitionMetadata {
		described := Must(client.DescribeTopics([]string{topic}))[0]
		Expect("error of the topic", described.Err, sarama.ErrNoError)
		return described.Partitions
	}
	Expect("partitions", len(partitions()), 2)
	leads := func(broker *sarama.Broker) bool { return broker.ID() == partitions()[0].Leader }
	Expect("the leader is a broker", slices.ContainsFunc(brokers, leads), true)
	NoError("more partitions", client.CreatePartitions(topic, 3, nil, false))
	WaitFor("three partitions", func() bool { return len(partitions()) == 3 })
	listed := Must(client.ListTopics())[topic]
	Expect("listed partitions", listed.NumPartitions, 3)
	Expect("listed configuration", *listed.ConfigEntries["retention.ms"], retention)
	adminConfigs(client, topic)
	adminRecords(bootstrap, client, topic)
	adminGroups(bootstrap, client, topic, group)
	NoError("deletion", client.DeleteTopic(topic))
	WaitFor("deletion", func() bool {
		_, there := Must(client.ListTopics())[topic]
		return !there
	})
}

func adminConfigs(client sarama.ClusterAdmin, topic string) {
	valueOf := func(name string) string {
		resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{name}}
		return Must(client.DescribeConfig(resource))[0].Value
	}
	alter := func(operation sarama.IncrementalAlterConfigsOperation, name string, value *string) {
		entries := map[string]sarama.IncrementalAlterConfigsEntry{name: {Operation: operation, Value: value}}
		NoError(name, client.IncrementalAlterConfig(sarama.TopicResource, topic, entries, false))
	}
	five, minute := "5000", "60000"
	Expect("configured value", valueOf("retention.ms"), "123456")
	alter(sarama.IncrementalAlterConfigsOperationSet, "max.message.bytes", &five)
	WaitFor("the altered value", func() bool { return valueOf("max.message.bytes") == five })
	Expect("the value that was not named", valueOf("retention.ms"), "123456")
	alter(sarama.IncrementalAlterConfigsOperationDelete, "retention.ms", nil)
	WaitFor("the default", func() bool { return valueOf("retention.ms") == "604800000" })
	// the old AlterConfigs replaces: what it does not name returns to the default
	NoError("old", client.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &minute}, false))
	WaitFor("the value set the old way", func() bool { return valueOf("retention.ms") == minute })
	Expect("the value that was not named", valueOf("max.message.bytes"), "1048588")
}

func adminRecords(bootstrap string, client sarama.ClusterAdmin, topic string) {
	producer := newProducer(bootstrap, nil)
	for n := range 10 {
		message := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("x"), Timestamp: time.UnixMilli(int64(1000 + n))}
		_, _, err := producer.SendMessage(message)
		NoError("send", err)
	}
	NoError("close", producer.Close())
	NoError("deleting records", client.DeleteRecords(topic, map[int32]int64{0: 4}))
	for at, wanted := range map[int64]int64{sarama.OffsetOldest: 4, sarama.OffsetNewest: 10, 1007: 7} {
		found := Must(client.ListOffsets(map[string]map[int32]int64{topic: {0: at}}, nil))[topic][0]
		Expect[error]("listing offsets", found.Err, sarama.ErrNoError)
		Expect(fmt.Sprint("offset at ", at), found.Offset, wanted)
	}
}

func adminGroups(bootstrap string, client sarama.ClusterAdmin, topic, group string) {
	member := join(bootstrap, group, topic)
	member.WaitForCount(6)
	described := describeGroup(client, group)
	Expect("group", described.State+" "+described.ProtocolType, "Stable consumer")
	Expect("shares", sharesOf(client, group), []int{3})
	expectError("deletion of a group in use", client.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup)
	member.Leave()
	Expect("listed", Must(client.ListConsumerGroups())[group], "consumer")
	Expect("committed", committed(client, group, topic, 0), []int64{10})
	offsets := map[string]map[int32]sarama.OffsetAndMetadata{topic: {0: {Offset: 5, LeaderEpoch: -1}}}
	Must(client.AlterConsumerGroupOffsets(group, offsets, nil))
	Expect("altered", committed(client, group, topic, 0), []int64{5})
	NoError("deletion of an offset", client.DeleteConsumerGroupOffset(group, topic, 0))
	Expect("deleted offset", committed(client, group, topic, 0), []int64{-1})
	NoError("deletion", client.DeleteConsumerGroup(group))
	expectError("second deletion", client.DeleteConsumerGroup(group), sarama.ErrGroupIDNotFound)
}

func expectError(what string, err error, wanted sarama.KError) {
	if !errors.Is(err, wanted) {
		Fail("%s: got %v, wanted %v", what, err, wanted)
	}
}

func clientErrors(bootstrap, prefix string) {
	topic, unknown := prefix+"-errors", prefix+"-unknown"
	client := create(bootstrap, topic, 1, nil)
	producer := newProducer(bootstrap, func(config *sarama.Config) {
		config.Producer.MaxMessageBytes = 4_000_000
		config.Metadata.AllowAutoTopicCreation = false
		config.Metadata.Retry.Max = 1
		config.Producer.Retry.Max = 1
	})
	write := func(topic string, size int) (int64, error) {
		message := &sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(make([]byte, size))}
		_, offset, err := producer.SendMessage(message)
		return offset, err
	}
	_, err := write(topic, 2_000_000)
	expectError("a record of 2 MB", err, sarama.ErrMessageSizeTooLarge)
	Expect("the next record", Must(write(topic, 5)), 0)
	_, err = write(unknown, 5)
	expectError("writing to an unknown topic", err, sarama.ErrUnknownTopicOrPartition)
	expectError("deleting an unknown topic", client.DeleteTopic(unknown), sarama.ErrUnknownTopicOrPartition)
	detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
	expectError("an existing topic", client.CreateTopic(topic, detail, false), sarama.ErrTopicAlreadyExists)
	expectError("an invalid name", client.CreateTopic(prefix+" with blanks", detail, false), sarama.ErrInvalidTopic)
}
