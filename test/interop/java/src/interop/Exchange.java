package interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Fills a broker's data folder and says what is in one, so that two brokers over the same folder can be compared line by line:
 * Exchange BOOTSTRAP write basic|full, or create basic|full (the topics alone), or digest.
 * Full has what Apache Kafka alone makes so far: transactions and compacted segments.
 */
public final class Exchange {
    private static final String PREFIX = "exchange-";
    private static final String GROUP = "exchange-group";
    private static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    private static final int PARTITIONS = 2;
    private static final int RECORDS = 3_000;
    private static final Map<String, String> SMALL_SEGMENTS = Map.of("segment.bytes", "1048576", "index.interval.bytes", "1024");

    private Exchange() {}

    public static void main(String[] args) throws Exception {
        Broker broker = new Broker(args[0], "");
        try (Admin admin = broker.admin()) {
            switch (args[1]) {
                case "create" -> create(admin, args[2].equals("full"));
                case "write" -> write(broker, admin, args[2].equals("full"));
                case "digest" -> digest(broker, admin);
                default -> throw new IllegalArgumentException(args[1]);
            }
        }
    }

    private static void create(Admin admin, boolean isFull) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (String codec : CODECS) topics.add(new NewTopic(PREFIX + codec, PARTITIONS, (short) 1).configs(SMALL_SEGMENTS));
        topics.add(new NewTopic(PREFIX + "deleted", 1, (short) 1).configs(SMALL_SEGMENTS));
        topics.add(new NewTopic(PREFIX + "append-time", 1, (short) 1).configs(Map.of("message.timestamp.type", "LogAppendTime")));
        topics.add(new NewTopic(PREFIX + "empty", 1, (short) 1));
        if (isFull) {
            topics.add(new NewTopic(PREFIX + "transactions", 1, (short) 1).configs(SMALL_SEGMENTS));
            topics.add(new NewTopic(PREFIX + "compacted", 1, (short) 1).configs(Map.of("cleanup.policy", "compact", "segment.bytes", "1048576",
                "min.cleanable.dirty.ratio", "0.01", "max.compaction.lag.ms", "500", "segment.ms", "500")));
        }
        admin.createTopics(topics).all().get();
        for (NewTopic topic : topics) Broker.awaitPartitions(admin, topic.name(), topic.numPartitions());
    }

    private static void write(Broker broker, Admin admin, boolean isFull) throws Exception {
        create(admin, isFull);
        for (String codec : CODECS) fill(broker, PREFIX + codec, codec, PARTITIONS, RECORDS);
        fill(broker, PREFIX + "deleted", "none", 1, RECORDS);
        admin.deleteRecords(Map.of(new TopicPartition(PREFIX + "deleted", 0), RecordsToDelete.beforeOffset(1_717))).all().get();
        fill(broker, PREFIX + "append-time", "lz4", 1, 100);
        if (isFull) {
            transactions(broker);
            compacted(broker);
        }
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (String codec : CODECS) offsets.put(new TopicPartition(PREFIX + codec, 0), new OffsetAndMetadata(100 + codec.length(), "read " + codec));
        admin.alterConsumerGroupOffsets(GROUP, offsets).all().get();
    }

    private static void fill(Broker broker, String topic, String codec, int partitions, int count) throws Exception {
        Random random = new Random(topic.hashCode());
        long begin = System.currentTimeMillis() - 3_600_000;
        try (var producer = broker.byteProducer(Map.of("compression.type", codec, "linger.ms", "5"))) {
            for (int i = 0; i < count; i++) producer.send(record(topic, i % partitions, begin + i * 100L, i, random));
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, int partition, long timestamp, int i, Random random) {
        byte[] value = i % 17 == 0 ? null : new byte[random.nextInt(2_000)];
        if (value != null) random.nextBytes(value);
        byte[] key = i % 3 == 0 ? null : ("key " + i % 100).getBytes(UTF_8);
        var record = new ProducerRecord<>(topic, partition, timestamp, key, value);
        if (i % 4 == 0) record.headers().add("number", String.valueOf(i).getBytes(UTF_8)).add("none", null);
        return record;
    }

    private static void transactions(Broker broker) throws Exception {
        Random random = new Random(3);
        long begin = System.currentTimeMillis() - 3_600_000;
        try (KafkaProducer<byte[], byte[]> producer = broker.byteProducer(Map.of("transactional.id", "exchange", "compression.type", "zstd"))) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 10; transaction++) {
                producer.beginTransaction();
                for (int i = 0; i < 200; i++) producer.send(record(PREFIX + "transactions", 0, begin + transaction * 1_000 + i, i, random));
                if (transaction % 3 == 1) {
                    producer.flush();
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
        }
    }

    /** Ends when the cleaner has been there: offsets are missing then, inside batches too. */
    private static void compacted(Broker broker) throws Exception {
        String topic = PREFIX + "compacted";
        try (var producer = broker.producer(Map.of("linger.ms", "20", "compression.type", "gzip")); var consumer = broker.consumer(Map.of())) {
            for (int i = 0; i < 2_000; i++) producer.send(new ProducerRecord<>(topic, "key " + i % (i < 1_000 ? 300 : 7), "value " + i));
            producer.flush();
            Check.eventually("the cleaner compacts", () -> {
                producer.send(new ProducerRecord<>(topic, "tick", "tock")).get();
                Thread.sleep(500);
                return Broker.readAll(consumer, topic).size() < 1_500;
            });
        }
    }

    private static void digest(Broker broker, Admin admin) throws Exception {
        var topics = admin.describeTopics(admin.listTopics().names().get().stream().filter(name -> name.startsWith(PREFIX)).toList()).allTopicNames().get();
        for (var topic : new TreeMap<>(topics).values()) {
            for (var partition : topic.partitions()) {
                for (String isolation : List.of("read_uncommitted", "read_committed")) {
                    System.out.println(digest(broker, new TopicPartition(topic.name(), partition.partition()), isolation));
                }
            }
        }
        var offsets = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get();
        for (String codec : CODECS) System.out.println("group " + codec + " " + offsets.get(new TopicPartition(PREFIX + codec, 0)));
    }

    private static String digest(Broker broker, TopicPartition partition, String isolation) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        long count = 0;
        try (var consumer = broker.byteConsumer(Map.of("isolation.level", isolation, "max.poll.records", "10000"))) {
            consumer.assign(List.of(partition));
            long begin = consumer.beginningOffsets(Set.of(partition)).get(partition);
            long end = consumer.endOffsets(Set.of(partition)).get(partition);
            consumer.seek(partition, begin);
            long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (consumer.position(partition) < end) {
                if (System.nanoTime() > deadline) throw new AssertionError(partition + ": stands at " + consumer.position(partition) + " of " + end);
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    add(sha, record);
                    count++;
                }
            }
            return partition + " " + isolation + " " + begin + ".." + end + " records " + count + " times " + times(broker, partition, begin, end)
                + " sha256 " + HexFormat.of().formatHex(sha.digest());
        }
    }

    private static void add(MessageDigest sha, ConsumerRecord<byte[], byte[]> record) {
        sha.update(ByteBuffer.allocate(20).putLong(record.offset()).putLong(record.timestamp()).putInt(record.timestampType().id).flip());
        add(sha, record.key());
        add(sha, record.value());
        record.headers().forEach(header -> {
            add(sha, header.key().getBytes(UTF_8));
            add(sha, header.value());
        });
    }

    private static void add(MessageDigest sha, byte[] bytes) {
        sha.update(ByteBuffer.allocate(4).putInt(bytes == null ? -1 : bytes.length).flip());
        if (bytes != null) sha.update(bytes);
    }

    /** Where the time index leads: the offsets for the times of some records, and for just after them. */
    private static List<Long> times(Broker broker, TopicPartition partition, long begin, long end) {
        List<Long> found = new ArrayList<>();
        try (var consumer = broker.byteConsumer(Map.of("max.poll.records", "1"))) {
            consumer.assign(List.of(partition));
            for (long offset = begin; offset < end; offset += Math.max(1, (end - begin) / 5)) {
                consumer.seek(partition, offset);
                var records = consumer.poll(Duration.ofSeconds(5));
                if (records.isEmpty()) continue;
                long time = records.iterator().next().timestamp();
                for (long asked : new long[] {time, time + 1}) {
                    OffsetAndTimestamp at = consumer.offsetsForTimes(Map.of(partition, asked)).get(partition);
                    found.add(at == null ? -1 : at.offset());
                }
            }
        }
        return found;
    }
}
