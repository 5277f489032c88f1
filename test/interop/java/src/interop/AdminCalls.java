package interop;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** Everything that Java's admin client can ask of a broker without transactions and security. */
final class AdminCalls {
    private AdminCalls() {}

    static void run(Broker broker) throws Exception {
        try (Admin admin = broker.admin()) {
            cluster(admin);
            String topic = topics(broker, admin);
            configs(admin, topic);
            brokerConfigs(admin);
            records(broker, admin, topic);
            logDirs(admin, topic);
            groups(broker, admin, topic);
            oneNode(admin, topic);
            deletes(admin, topic);
        }
    }

    private static void cluster(Admin admin) throws Exception {
        var cluster = admin.describeCluster();
        Check.that(!cluster.nodes().get().isEmpty(), "there are nodes");
        Check.that(!cluster.clusterId().get().isEmpty(), "the cluster has an id");
        Check.that(cluster.controller().get() != null, "the controller is known");
        admin.describeFeatures().featureMetadata().get();
    }

    private static String topics(Broker broker, Admin admin) throws Exception {
        String topic = broker.name("admin");
        NewTopic wanted = new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "86400000"));
        admin.createTopics(List.of(wanted), new CreateTopicsOptions().validateOnly(true)).all().get();
        Check.that(!admin.listTopics().names().get().contains(topic), "validateOnly creates nothing");
        var created = admin.createTopics(List.of(wanted));
        created.all().get();
        Check.same(2, created.numPartitions(topic).get(), "partitions said on creation");
        Check.same(1, created.replicationFactor(topic).get(), "replication factor said on creation");
        Check.same("86400000", created.config(topic).get().get("retention.ms").value(), "configuration said on creation");
        Broker.awaitPartitions(admin, topic, 2);
        var id = created.topicId(topic).get();
        var byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
        Check.same(topic, byId.name(), "topic described by its id");
        Check.same(id, admin.listTopics().namesToListings().get().get(topic).topicId(), "listed topic id");
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
        Broker.awaitPartitions(admin, topic, 4);
        var partition = admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions().get(3);
        Check.same(List.of(partition.leader()), partition.replicas(), "replicas of a new partition");
        Check.same(partition.replicas(), partition.isr(), "in-sync replicas of a new partition");
        String placed = broker.name("placed");
        admin.createTopics(List.of(new NewTopic(placed, Map.of(0, List.of(partition.leader().id()))))).all().get();
        Broker.awaitPartitions(admin, placed, 1);
        String defaults = broker.name("defaults");
        admin.createTopics(List.of(new NewTopic(defaults, java.util.Optional.empty(), java.util.Optional.empty()))).all().get();
        Broker.awaitPartitions(admin, defaults, 1);
        admin.deleteTopics(List.of(placed, defaults)).all().get();
        return topic;
    }

    private static void configs(Admin admin, String topic) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Check.same(ConfigSource.DYNAMIC_TOPIC_CONFIG, config(admin, resource).get("retention.ms").source(), "source of retention.ms");
        ConfigEntry untouched = config(admin, resource).get("max.message.bytes");
        Check.same("1048588", untouched.value(), "default of max.message.bytes");
        Check.that(untouched.isDefault(), "max.message.bytes is a default");
        Check.same(ConfigEntry.ConfigType.INT, untouched.type(), "type of max.message.bytes");
        admin.incrementalAlterConfigs(Map.of(resource, List.of(
            set("max.message.bytes", "2000000"), set("cleanup.policy", "delete"),
            new AlterConfigOp(new ConfigEntry("retention.ms", ""), OpType.DELETE)))).all().get();
        admin.incrementalAlterConfigs(Map.of(resource, List.of(
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), OpType.APPEND)))).all().get();
        Check.eventually("appended configuration", () -> config(admin, resource).get("cleanup.policy").value().equals("delete,compact"));
        Check.same("2000000", config(admin, resource).get("max.message.bytes").value(), "altered configuration");
        Check.same("604800000", config(admin, resource).get("retention.ms").value(), "configuration set back to its default");
        admin.incrementalAlterConfigs(Map.of(resource, List.of(
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), OpType.SUBTRACT)))).all().get();
        Check.eventually("subtracted configuration", () -> config(admin, resource).get("cleanup.policy").value().equals("delete"));
        var explained = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true)
            .includeDocumentation(true)).all().get().get(resource).get("max.message.bytes");
        Check.same("max.message.bytes", explained.synonyms().get(0).name(), "first synonym");
        Check.same(ConfigSource.DYNAMIC_TOPIC_CONFIG, explained.synonyms().get(0).source(), "source of the first synonym");
        Check.that(explained.documentation() != null && !explained.documentation().isEmpty(), "a configuration is documented");
    }

    private static void brokerConfigs(Admin admin) throws Exception {
        int id = admin.describeCluster().nodes().get().iterator().next().id();
        ConfigResource one = new ConfigResource(ConfigResource.Type.BROKER, String.valueOf(id));
        Check.that(config(admin, one).get("log.dirs") != null, "the broker tells log.dirs");
        Check.that(config(admin, one).get("log.dirs").isReadOnly(), "log.dirs is read-only");
        admin.incrementalAlterConfigs(Map.of(one, List.of(set("log.retention.ms", "500000000")))).all().get();
        Check.eventually("a broker's configuration is altered", () -> {
            ConfigEntry entry = config(admin, one).get("log.retention.ms");
            return "500000000".equals(entry.value()) && entry.source() == ConfigSource.DYNAMIC_BROKER_CONFIG;
        });
        admin.incrementalAlterConfigs(Map.of(one, List.of(
            new AlterConfigOp(new ConfigEntry("log.retention.ms", ""), OpType.DELETE)))).all().get();
        Check.eventually("a broker's configuration is set back",
            () -> config(admin, one).get("log.retention.ms").source() != ConfigSource.DYNAMIC_BROKER_CONFIG);
    }

    private static AlterConfigOp set(String name, String value) {
        return new AlterConfigOp(new ConfigEntry(name, value), OpType.SET);
    }

    private static Config config(Admin admin, ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    private static void records(Broker broker, Admin admin, String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 1);
        long begin = System.currentTimeMillis() - 1_000_000;
        try (var producer = broker.producer(Map.of("linger.ms", "0"))) {
            for (int i = 0; i < 50; i++) {
                long time = begin + (i == 20 ? 900_000 : i * 1_000);
                producer.send(new ProducerRecord<>(topic, 1, time, "k", "v" + i)).get();
            }
        }
        Check.same(50L, offset(admin, partition, OffsetSpec.latest()), "latest offset");
        Check.same(20L, offset(admin, partition, OffsetSpec.maxTimestamp()), "offset of the highest timestamp");
        Check.same(6L, offset(admin, partition, OffsetSpec.forTimestamp(begin + 5_500)), "offset for a timestamp");
        var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(30)));
        Check.same(30L, deleted.lowWatermarks().get(partition).get().lowWatermark(), "low watermark after deletion");
        Check.same(30L, offset(admin, partition, OffsetSpec.earliest()), "earliest offset after deletion");
        try (var consumer = broker.consumer(Map.of())) {
            Check.same(20, Broker.readAll(consumer, topic).size(), "records left after deletion");
        }
        admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1))).all().get();
        Check.same(50L, offset(admin, partition, OffsetSpec.earliest()), "earliest offset after everything is deleted");
    }

    private static long offset(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset();
    }

    private static void logDirs(Admin admin, String topic) throws Exception {
        List<Integer> ids = admin.describeCluster().nodes().get().stream().map(node -> node.id()).toList();
        var sizes = new java.util.HashMap<TopicPartition, Long>();
        for (var dirs : admin.describeLogDirs(ids).allDescriptions().get().values()) {
            for (var dir : dirs.values()) {
                dir.replicaInfos().forEach((partition, replica) -> sizes.put(partition, replica.size()));
                Check.that(dir.totalBytes().orElse(0) > 0, "the volume's size is known");
            }
        }
        Check.that(sizes.get(new TopicPartition(topic, 1)) > 0, "the partition's size is known");
        Check.same(0L, sizes.get(new TopicPartition(topic, 2)), "size of an empty partition");
    }

    private static void groups(Broker broker, Admin admin, String topic) throws Exception {
        String group = broker.name("admin-group");
        TopicPartition zero = new TopicPartition(topic, 0);
        TopicPartition one = new TopicPartition(topic, 1);
        admin.alterConsumerGroupOffsets(group, Map.of(zero, new OffsetAndMetadata(0), one, new OffsetAndMetadata(45, "note"))).all().get();
        var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Check.same(Map.of(zero, new OffsetAndMetadata(0), one, new OffsetAndMetadata(45, "note")), offsets, "altered offsets");
        Check.that(admin.listConsumerGroups().all().get().stream().anyMatch(listing -> listing.groupId().equals(group)), "the group is listed");
        Check.same("Empty", admin.describeConsumerGroups(List.of(group)).all().get().get(group).state().toString(), "state of the group");
        admin.deleteConsumerGroupOffsets(group, Set.of(zero)).all().get();
        offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Check.same(Set.of(one), offsets.keySet(), "offsets left");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Check.that(admin.listConsumerGroups().all().get().stream().noneMatch(listing -> listing.groupId().equals(group)), "the group is gone");
    }

    /** What concerns replicas, of which a partition has one. */
    private static void oneNode(Admin admin, String topic) throws Exception {
        Check.same(Map.of(), admin.listPartitionReassignments().reassignments().get(), "reassignments under way");
        var elected = admin.electLeaders(org.apache.kafka.common.ElectionType.PREFERRED, Set.of(new TopicPartition(topic, 0)));
        var answer = elected.partitions().get().get(new TopicPartition(topic, 0));
        Check.same("ElectionNotNeededException", answer.map(error -> error.getClass().getSimpleName()).orElse("none"), "preferred election");
    }

    private static void deletes(Admin admin, String topic) throws Exception {
        var id = admin.listTopics().namesToListings().get().get(topic).topicId();
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Check.eventually("a deleted topic is gone", () -> !admin.listTopics().names().get().contains(topic));
        admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        Broker.awaitPartitions(admin, topic, 1);
        Check.that(!id.equals(admin.listTopics().namesToListings().get().get(topic).topicId()), "a new topic of an old name has a new id");
        Check.same(0L, offset(admin, new TopicPartition(topic, 0), OffsetSpec.latest()), "a new topic of an old name is empty");
        admin.deleteTopics(List.of(topic)).all().get();
    }
}
