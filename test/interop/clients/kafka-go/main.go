// segmentio/kafka-go: Writer, Reader and Client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	. "millrace/interop/lib/scenario"
)

func main() {
	Run(
		Scenario{Name: "produce-consume", Run: produceConsume},
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

func create(bootstrap, topic string, partitions int, configs ...kafka.ConfigEntry) *kafka.Client {
	client := &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: CallLimit}
	NoError("creation", createTopic(client, topic, partitions, configs...))
	return client
}

func createTopic(client *kafka.Client, topic string, partitions int, configs ...kafka.ConfigEntry) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}
	response, err := client.CreateTopics(limited(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	if err != nil {
		return err
	}
	return response.Errors[topic]
}

// newWriter writes to the partition that a message carries in WriterData.
func newWriter(bootstrap string, codec kafka.Compression) *kafka.Writer {
	return &kafka.Writer{
		Addr:         kafka.TCP(bootstrap),
		RequiredAcks: kafka.RequireAll,
		Compression:  codec,
		BatchTimeout: 5 * time.Millisecond,
		BatchBytes:   4_000_000,
		Balancer: kafka.BalancerFunc(func(message kafka.Message, _ ...int) int {
			partition, _ := message.WriterData.(int)
			return partition
		}),
	}
}

func produceConsume(bootstrap, prefix string) {
	topic := prefix + "-produce-consume"
	client := create(bootstrap, topic, 2)
	var wanted []Record
	codecs := []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd}
	for i, codec := range codecs {
		samples := Samples(codec.String(), i)
		var messages []kafka.Message
		for _, sample := range samples {
			message := kafka.Message{Topic: topic, Key: sample.Key, Value: sample.Value, WriterData: sample.Partition}
			message.Time = time.UnixMilli(sample.Timestamp)
			for _, header := range sample.Headers {
				message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
			}
			messages = append(messages, message)
		}
		writer := newWriter(bootstrap, codec)
		NoError(codec.String(), writer.WriteMessages(limited(), messages...))
		NoError("close", writer.Close())
		wanted = append(wanted, samples...)
	}
	for partition := range 2 {
		fetched := fetchPartition(client, topic, partition, len(wanted)/2)
		Expect(fmt.Sprint("records fetched from ", partition), OfPartition(fetched, partition), OfPartition(wanted, partition))
		read := readPartition(bootstrap, topic, partition, len(wanted)/2)
		Expect(fmt.Sprint("records read from ", partition), OfPartition(read, partition), OfPartition(emptyAsNull(wanted), partition))
	}
}

// emptyAsNull changes what the Reader does not tell apart.
func emptyAsNull(records []Record) []Record {
	null := func(value []byte) []byte {
		if len(value) == 0 {
			return nil
		}
		return value
	}
	var changed []Record
	for _, record := range records {
		record.Key, record.Value, record.Headers = null(record.Key), null(record.Value), slices.Clone(record.Headers)
		for i := range record.Headers {
			record.Headers[i].Value = null(record.Headers[i].Value)
		}
		changed = append(changed, record)
	}
	return changed
}

// fetchPartition reads with the Client, which fetches at a newer version than the Reader.
func fetchPartition(client *kafka.Client, topic string, partition, count int) []Record {
	var records []Record
	for len(records) < count {
		response := Must(client.Fetch(limited(), &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: int64(len(records)), MinBytes: 1, MaxBytes: 1_000_000, MaxWait: time.Second,
		}))
		NoError("fetch", response.Error)
		before := len(records)
		for {
			r, err := response.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			NoError("record", err)
			record := Record{Partition: partition, Offset: r.Offset, Timestamp: r.Time.UnixMilli()}
			record.Key, record.Value = Must(kafka.ReadAll(r.Key)), Must(kafka.ReadAll(r.Value))
			for _, header := range r.Headers {
				record.Headers = append(record.Headers, Header{Name: header.Key, Value: header.Value})
			}
			if record.Offset == int64(len(records)) {
				records = append(records, record)
			}
		}
		if len(records) == before {
			Fail("nothing fetched from offset %d of partition %d", before, partition)
		}
	}
	return records
}

// readPartition reads with the Reader.
func readPartition(bootstrap, topic string, partition, count int) []Record {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:   []string{bootstrap},
		Topic:     topic,
		Partition: partition,
		MaxBytes:  1_000_000,
		MaxWait:   200 * time.Millisecond,
	})
	defer reader.Close()
	var records []Record
	for len(records) < count {
		m := Must(reader.ReadMessage(limited()))
		record := Record{Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Timestamp: m.Time.UnixMilli()}
		for _, header := range m.Headers {
			record.Headers = append(record.Headers, Header{Name: header.Key, Value: header.Value})
		}
		records = append(records, record)
	}
	return records
}

func join(bootstrap, group, topic string) *Member {
	member := &Member{}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:           []string{bootstrap},
		GroupID:           group,
		Topic:             topic,
		StartOffset:       kafka.FirstOffset,
		MaxWait:           100 * time.Millisecond,
		HeartbeatInterval: 200 * time.Millisecond,
		JoinGroupBackoff:  200 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			message, err := reader.FetchMessage(ctx)
			if err == nil {
				err = reader.CommitMessages(limited(), message)
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				member.Broken(err)
				return
			}
			member.Add(message.Partition, message.Offset, message.Value)
		}
	}()
	member.Leave = func() {
		cancel()
		<-ended
		NoError("close", reader.Close())
	}
	return member
}

func describeGroup(client *kafka.Client, group string) kafka.DescribeGroupsResponseGroup {
	response := Must(client.DescribeGroups(limited(), &kafka.DescribeGroupsRequest{GroupIDs: []string{group}}))
	NoError("describing the group", response.Groups[0].Error)
	return response.Groups[0]
}

func sharesOf(client *kafka.Client, group string) []int {
	described := describeGroup(client, group)
	if described.GroupState != "Stable" {
		return nil
	}
	var shares []int
	for _, member := range described.Members {
		count := 0
		for _, topic := range member.MemberAssignments.Topics {
			count += len(topic.Partitions)
		}
		shares = append(shares, count)
	}
	return shares
}

func committed(client *kafka.Client, group, topic string, partitions ...int) []int64 {
	request := &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}}
	response := Must(client.OffsetFetch(limited(), request))
	NoError("fetching offsets", response.Error)
	offsets := make([]int64, len(partitions))
	for _, partition := range response.Topics[topic] {
		NoError("offset", partition.Error)
		offsets[slices.Index(partitions, partition.Partition)] = partition.CommittedOffset
	}
	return offsets
}

func groupRebalance(bootstrap, prefix string) {
	topic, group := prefix+"-group-rebalance", prefix+"-group"
	client := create(bootstrap, topic, 4)
	writer := newWriter(bootstrap, 0)
	Group{
		Send: func(partition int, value string) {
			message := kafka.Message{Topic: topic, Value: []byte(value), WriterData: partition}
			NoError("write", writer.WriteMessages(limited(), message))
		},
		Join:      func() *Member { return join(bootstrap, group, topic) },
		Shares:    func() []int { return sharesOf(client, group) },
		Committed: func() []int64 { return committed(client, group, topic, 0, 1, 2, 3) },
	}.Rebalance()
}

func admin(bootstrap, prefix string) {
	topic, group := prefix+"-admin", prefix+"-admin-group"
	client := create(bootstrap, topic, 2, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "123456"})
	metadata := func() kafka.Topic {
		response := Must(client.Metadata(limited(), &kafka.MetadataRequest{Topics: []string{topic}}))
		Expect("controller", response.Controller.ID, response.Brokers[0].ID)
		return response.Topics[0]
	}
	NoError("metadata", metadata().Error)
	Expect("partitions", len(metadata().Partitions), 2)
	more := []kafka.TopicPartitionsConfig{{Name: topic, Count: 3}}
	NoError("partitions", Must(client.CreatePartitions(limited(), &kafka.CreatePartitionsRequest{Topics: more})).Errors[topic])
	WaitFor("three partitions", func() bool { return len(metadata().Partitions) == 3 })
	adminConfigs(client, topic)
	adminOffsets(bootstrap, client, topic)
	adminGroups(bootstrap, client, topic, group)
	NoError("deletion", deleteTopic(client, topic))
	WaitFor("deletion", func() bool {
		all := Must(client.Metadata(limited(), &kafka.MetadataRequest{}))
		return !slices.ContainsFunc(all.Topics, func(t kafka.Topic) bool { return t.Name == topic })
	})
}

func deleteTopic(client *kafka.Client, topic string) error {
	response, err := client.DeleteTopics(limited(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return response.Errors[topic]
}

func adminConfigs(client *kafka.Client, topic string) {
	valueOf := func(name string) string {
		resource := kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{name},
		}
		request := &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{resource}}
		described := Must(client.DescribeConfigs(limited(), request)).Resources[0]
		NoError("describing "+name, described.Error)
		return described.ConfigEntries[0].ConfigValue
	}
	Expect("configured value", valueOf("retention.ms"), "123456")
	change := kafka.IncrementalAlterConfigsRequestResource{
		ResourceType: kafka.ResourceTypeTopic,
		ResourceName: topic,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{
			{Name: "max.message.bytes", Value: "5000", ConfigOperation: kafka.ConfigOperationSet},
		},
	}
	request := &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{change}}
	NoError("altering", Must(client.IncrementalAlterConfigs(limited(), request)).Resources[0].Error)
	WaitFor("the altered value", func() bool { return valueOf("max.message.bytes") == "5000" })
	Expect("the value that was not named", valueOf("retention.ms"), "123456")
	// the old AlterConfigs replaces: what it does not name returns to the default
	old := kafka.AlterConfigRequestResource{
		ResourceType: kafka.ResourceTypeTopic,
		ResourceName: topic,
		Configs:      []kafka.AlterConfigRequestConfig{{Name: "max.message.bytes", Value: "6000"}},
	}
	answer := Must(client.AlterConfigs(limited(), &kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{old}}))
	for _, err := range answer.Errors {
		NoError("altering the old way", err)
	}
	WaitFor("the default", func() bool { return valueOf("retention.ms") == "604800000" })
	Expect("the new value", valueOf("max.message.bytes"), "6000")
}

func adminOffsets(bootstrap string, client *kafka.Client, topic string) {
	writer := newWriter(bootstrap, 0)
	var messages []kafka.Message
	for n := range 10 {
		messages = append(messages, kafka.Message{Topic: topic, Value: []byte(strconv.Itoa(n)), Time: time.UnixMilli(int64(1000 + n))})
	}
	NoError("write", writer.WriteMessages(limited(), messages...))
	NoError("close", writer.Close())
	offset := func(request kafka.OffsetRequest) kafka.PartitionOffsets {
		topics := map[string][]kafka.OffsetRequest{topic: {request}}
		listed := Must(client.ListOffsets(limited(), &kafka.ListOffsetsRequest{Topics: topics})).Topics[topic][0]
		NoError("listing offsets", listed.Error)
		return listed
	}
	Expect("first offset", offset(kafka.FirstOffsetOf(0)).FirstOffset, 0)
	Expect("end offset", offset(kafka.LastOffsetOf(0)).LastOffset, 10)
	for found, at := range offset(kafka.TimeOffsetOf(0, time.UnixMilli(1007))).Offsets {
		Expect("offset for time", found, 7)
		Expect("its time", at.UnixMilli(), 1007)
	}
}

func adminGroups(bootstrap string, client *kafka.Client, topic, group string) {
	member := join(bootstrap, group, topic)
	member.WaitForCount(10)
	Expect("state", describeGroup(client, group).GroupState, "Stable")
	Expect("shares", sharesOf(client, group), []int{3})
	remove := func() error {
		response := Must(client.DeleteGroups(limited(), &kafka.DeleteGroupsRequest{GroupIDs: []string{group}}))
		return response.Errors[group]
	}
	expectError("deletion of a group in use", remove(), kafka.NonEmptyGroup)
	member.Leave()
	listed := Must(client.ListGroups(limited(), &kafka.ListGroupsRequest{}))
	NoError("listing groups", listed.Error)
	Expect("listed", slices.ContainsFunc(listed.Groups, func(g kafka.ListGroupsResponseGroup) bool {
		return g.GroupID == group && g.ProtocolType == "consumer"
	}), true)
	Expect("committed", committed(client, group, topic, 0), []int64{10})
	NoError("deletion", remove())
	expectError("second deletion", remove(), kafka.GroupIdNotFound)
}

func expectError(what string, err error, wanted kafka.Error) {
	if !errors.Is(err, wanted) {
		Fail("%s: got %v, wanted %s", what, err, wanted.Title())
	}
}

func clientErrors(bootstrap, prefix string) {
	topic, unknown := prefix+"-errors", prefix+"-unknown"
	client := create(bootstrap, topic, 1)
	writer := newWriter(bootstrap, 0)
	writer.MaxAttempts = 2
	write := func(topic string, size int) error {
		err := writer.WriteMessages(limited(), kafka.Message{Topic: topic, Value: make([]byte, size)})
		var each kafka.WriteErrors
		if errors.As(err, &each) {
			return each[0]
		}
		return err
	}
	expectError("a record of 2 MB", write(topic, 2_000_000), kafka.MessageSizeTooLarge)
	NoError("the next record", write(topic, 5))
	expectError("writing to an unknown topic", write(unknown, 5), kafka.UnknownTopicOrPartition)
	expectError("deleting an unknown topic", deleteTopic(client, unknown), kafka.UnknownTopicOrPartition)
	expectError("an existing topic", createTopic(client, topic, 1), kafka.TopicAlreadyExists)
	expectError("an invalid name", createTopic(client, prefix+" with blanks", 1), kafka.InvalidTopic)
}
