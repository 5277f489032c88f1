package interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The broker under test: makes clients of it. Every name starts with the prefix. */
record Broker(String bootstrap, String prefix) {
    Admin admin() {
        return Admin.create(properties(Map.of("request.timeout.ms", "20000", "default.api.timeout.ms", "30000")));
    }

    KafkaProducer<byte[], byte[]> byteProducer(Map<String, String> config) {
        return new KafkaProducer<>(properties(config), new ByteArraySerializer(), new ByteArraySerializer());
    }

    KafkaProducer<String, String> producer(Map<String, String> config) {
        return new KafkaProducer<>(properties(config), new StringSerializer(), new StringSerializer());
    }

    KafkaConsumer<byte[], byte[]> byteConsumer(Map<String, String> config) {
        return new KafkaConsumer<>(properties(config), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    KafkaConsumer<String, String> consumer(Map<String, String> config) {
        return new KafkaConsumer<>(properties(config), new StringDeserializer(), new StringDeserializer());
    }

    String name(String suffix) {
        return prefix + "-" + suffix;
    }

    /** Creates a topic and waits until the broker's metadata shows it whole. */
    String topic(Admin admin, String suffix, int partitions, Map<String, String> configs) throws Exception {
        String topic = name(suffix);
        admin.createTopics(Set.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
        awaitPartitions(admin, topic, partitions);
        return topic;
    }

    static void awaitPartitions(Admin admin, String topic, int partitions) throws Exception {
        Check.eventually(topic + " has " + partitions + " partitions with leaders", () -> {
            var described = admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions();
            return described.size() == partitions && described.stream().allMatch(partition -> partition.leader() != null);
        });
    }

    /** Reads an assigned topic from its beginning to its present end. */
    static <K, V> List<ConsumerRecord<K, V>> readAll(KafkaConsumer<K, V> consumer, String topic) {
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
            .map(info -> new TopicPartition(topic, info.partition())).toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        List<ConsumerRecord<K, V>> records = new ArrayList<>();
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
            if (System.nanoTime() > deadline) throw new AssertionError("read only " + records.size() + " records of " + topic);
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    private Properties properties(Map<String, String> config) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.putAll(config);
        return properties;
    }
}
