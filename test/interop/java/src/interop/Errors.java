package interop;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What goes wrong arrives as the client's own exception for Kafka's error. */
final class Errors {
    private Errors() {}

    static void run(Broker broker) throws Exception {
        try (Admin admin = broker.admin()) {
            String topic = broker.topic(admin, "errors", 2, Map.of("max.message.bytes", "2000"));
            topics(broker, admin, topic);
            configs(admin, topic);
            records(broker, admin, topic);
            groups(broker, admin, topic);
        }
    }

    private static void topics(Broker broker, Admin admin, String topic) throws Exception {
        String unknown = broker.name("unknown");
        Check.fails(UnknownTopicOrPartitionException.class, "describing an unknown topic", () -> admin.describeTopics(Set.of(unknown)).allTopicNames().get());
        Check.fails(UnknownTopicOrPartitionException.class, "deleting an unknown topic", () -> admin.deleteTopics(Set.of(unknown)).all().get());
        Check.fails(UnknownTopicOrPartitionException.class, "partitions for an unknown topic",
            () -> admin.createPartitions(Map.of(unknown, NewPartitions.increaseTo(3))).all().get());
        Check.fails(TopicExistsException.class, "creating a topic again", () -> create(admin, new NewTopic(topic, 1, (short) 1)));
        Check.fails(InvalidTopicException.class, "a topic with a space", () -> create(admin, new NewTopic("no good", 1, (short) 1)));
        Check.fails(InvalidTopicException.class, "a topic named ..", () -> create(admin, new NewTopic("..", 1, (short) 1)));
        Check.fails(InvalidTopicException.class, "a topic of 250 letters", () -> create(admin, new NewTopic("x".repeat(250), 1, (short) 1)));
        Check.fails(InvalidPartitionsException.class, "no partitions", () -> create(admin, new NewTopic(unknown, 0, (short) 1)));
        Check.fails(InvalidReplicationFactorException.class, "three replicas on one node", () -> create(admin, new NewTopic(unknown, 1, (short) 3)));
        Check.fails(InvalidReplicaAssignmentException.class, "a replica on an unknown node", () -> create(admin, new NewTopic(unknown, Map.of(0, List.of(77)))));
        Check.fails(InvalidPartitionsException.class, "fewer partitions", () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all().get());
    }

    private static Object create(Admin admin, NewTopic topic) throws Exception {
        return admin.createTopics(Set.of(topic)).all().get();
    }

    private static void configs(Admin admin, String topic) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        for (var wrong : Map.of("retention.ms", "soon", "cleanup.policy", "keep", "segment.bytes", "-5", "no.such.config", "1").entrySet()) {
            Check.fails(InvalidConfigurationException.class, "configuration " + wrong, () -> admin.incrementalAlterConfigs(Map.of(resource,
                List.of(new AlterConfigOp(new ConfigEntry(wrong.getKey(), wrong.getValue()), AlterConfigOp.OpType.SET)))).all().get());
        }
        Check.fails(InvalidConfigurationException.class, "a topic with a wrong configuration",
            () -> create(admin, new NewTopic(topic + "-2", 1, (short) 1).configs(Map.of("compression.type", "rar"))));
    }

    private static void records(Broker broker, Admin admin, String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var producer = broker.producer(Map.of("max.request.size", "4000000", "linger.ms", "0"))) {
            Check.fails(RecordTooLargeException.class, "a record above max.message.bytes",
                () -> producer.send(new ProducerRecord<>(topic, 0, null, "x".repeat(5_000))).get());
            producer.send(new ProducerRecord<>(topic, 0, null, "small")).get();
            Check.fails(InvalidTopicException.class, "producing to an invalid topic", () -> producer.send(new ProducerRecord<>("no good", "v")).get());
        }
        Check.fails(OffsetOutOfRangeException.class, "deleting records beyond the end",
            () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(99))).all().get());
        try (var consumer = broker.consumer(Map.of("auto.offset.reset", "none"))) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 99);
            Check.fails(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, "reading beyond the end", () -> {
                for (int i = 0; i < 50; i++) consumer.poll(Duration.ofMillis(200));
                return null;
            });
        }
    }

    private static void groups(Broker broker, Admin admin, String topic) throws Exception {
        String group = broker.name("errors-group");
        TopicPartition partition = new TopicPartition(topic, 0);
        Check.fails(GroupIdNotFoundException.class, "deleting an unknown group", () -> admin.deleteConsumerGroups(Set.of(group)).all().get());
        Map<String, String> config = Map.of("group.id", group, "group.instance.id", "same", "auto.offset.reset", "earliest");
        try (var first = broker.consumer(config); var second = broker.consumer(config)) {
            first.subscribe(List.of(topic));
            for (int i = 0; i < 50 && first.assignment().isEmpty(); i++) first.poll(Duration.ofMillis(200));
            Check.that(!first.assignment().isEmpty(), "a member gets partitions");
            Check.fails(GroupNotEmptyException.class, "deleting a group with members", () -> admin.deleteConsumerGroups(Set.of(group)).all().get());
            second.subscribe(List.of(topic));
            for (int i = 0; i < 50 && second.assignment().isEmpty(); i++) second.poll(Duration.ofMillis(200));
            Check.fails(FencedInstanceIdException.class, "a static member whose place another one took", () -> {
                first.commitSync(Map.of(partition, new OffsetAndMetadata(1)));
                return null;
            });
        }
        String stale = broker.name("errors-stale");
        Map<String, String> lazy = Map.of("group.id", stale, "max.poll.interval.ms", "1000", "heartbeat.interval.ms", "100",
            "enable.auto.commit", "false");
        try (var consumer = broker.consumer(lazy)) {
            consumer.subscribe(List.of(topic));
            for (int i = 0; i < 50 && consumer.assignment().isEmpty(); i++) consumer.poll(Duration.ofMillis(200));
            Check.eventually("a member that does not poll is out", () -> admin.describeConsumerGroups(Set.of(stale)).all().get().get(stale).members().isEmpty());
            Check.fails(CommitFailedException.class, "committing after being put out", () -> {
                consumer.commitSync(Map.of(partition, new OffsetAndMetadata(1)));
                return null;
            });
        }
    }
}
