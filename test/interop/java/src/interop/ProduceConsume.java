package interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** Records of every shape with every codec: each comes back as it went in, at the offset that the broker acknowledged. */
final class ProduceConsume {
    private static final int PARTITIONS = 3;
    private static final int RECORDS = 300;
    private static final long FIRST_TIMESTAMP = 1_700_000_000_000L;
    /** So old that records would be deleted at once. */
    private static final Map<String, String> KEEP = Map.of("retention.ms", "-1");

    private ProduceConsume() {}

    static void run(Broker broker) throws Exception {
        try (Admin admin = broker.admin()) {
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                String topic = broker.topic(admin, "codec-" + codec, PARTITIONS, KEEP);
                for (String acks : List.of("all", "1")) compare(broker, topic, codec, acks);
                positions(broker, topic);
            }
            logAppendTime(broker, admin);
            fireAndForget(broker, admin);
        }
    }

    private static void compare(Broker broker, String topic, String codec, String acks) throws Exception {
        Map<String, ProducerRecord<byte[], byte[]>> sent = new HashMap<>();
        Map<String, String> config = Map.of("compression.type", codec, "acks", acks, "linger.ms", "5",
            "enable.idempotence", String.valueOf(acks.equals("all")));
        try (KafkaProducer<byte[], byte[]> producer = broker.byteProducer(config)) {
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            List<Future<RecordMetadata>> acknowledged = new ArrayList<>();
            Random random = new Random(7);
            for (int i = 0; i < RECORDS; i++) {
                ProducerRecord<byte[], byte[]> record = record(topic, i, random);
                records.add(record);
                acknowledged.add(producer.send(record));
            }
            for (int i = 0; i < RECORDS; i++) {
                RecordMetadata at = acknowledged.get(i).get();
                Check.same(records.get(i).timestamp(), at.timestamp(), "acknowledged timestamp");
                Check.that(sent.put(at.partition() + "@" + at.offset(), records.get(i)) == null, "offset " + at + " acknowledged twice");
            }
        }
        int found = 0;
        try (var consumer = broker.byteConsumer(Map.of("auto.offset.reset", "earliest"))) {
            for (ConsumerRecord<byte[], byte[]> read : Broker.readAll(consumer, topic)) {
                ProducerRecord<byte[], byte[]> wanted = sent.get(read.partition() + "@" + read.offset());
                if (wanted == null) continue;
                same(wanted, read);
                found++;
            }
        }
        Check.same(RECORDS, found, "records read back with " + codec);
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, int i, Random random) {
        byte[] key = i % 5 == 0 ? null : i % 7 == 0 ? new byte[0] : ("key " + i % 11).getBytes(UTF_8);
        byte[] value = i % 6 == 0 ? null : i % 13 == 0 ? new byte[0] : bytes(random, i % 50 == 1 ? 100_000 : 20 + i);
        var record = new ProducerRecord<>(topic, i % PARTITIONS, FIRST_TIMESTAMP + i * 1_000L, key, value);
        if (i % 2 == 0) record.headers().add("name", ("größe " + i).getBytes(UTF_8)).add("name", new byte[] {1, 0, -1});
        if (i % 3 == 0) record.headers().add("nothing", null).add("", new byte[0]);
        return record;
    }

    /** Half noise, half repetition, so that codecs have something to do. */
    private static byte[] bytes(Random random, int size) {
        byte[] noise = new byte[size];
        random.nextBytes(noise);
        Arrays.fill(noise, size / 2, size, (byte) 'x');
        return noise;
    }

    private static void same(ProducerRecord<byte[], byte[]> wanted, ConsumerRecord<byte[], byte[]> read) {
        String at = " of " + read.topic() + "-" + read.partition() + "@" + read.offset();
        Check.that(Arrays.equals(wanted.key(), read.key()), "key" + at);
        Check.that(Arrays.equals(wanted.value(), read.value()), "value" + at);
        Check.same(wanted.timestamp(), read.timestamp(), "timestamp" + at);
        Check.same(TimestampType.CREATE_TIME, read.timestampType(), "timestamp type" + at);
        List<RecordHeader> headers = new ArrayList<>();
        read.headers().forEach(header -> headers.add(new RecordHeader(header.key(), header.value())));
        Check.same(Arrays.asList(wanted.headers().toArray()), headers, "headers" + at);
    }

    /** Each partition holds the records of two rounds of {@link #compare}, so 200 of them, with times that start over after 100. */
    private static void positions(Broker broker, String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = broker.byteConsumer(Map.of("max.poll.records", "1"))) {
            consumer.assign(List.of(partition));
            Check.same(Map.of(partition, 0L), consumer.beginningOffsets(Set.of(partition)), "beginning offset");
            Check.same(Map.of(partition, 200L), consumer.endOffsets(Set.of(partition)), "end offset");
            var found = consumer.offsetsForTimes(Map.of(partition, FIRST_TIMESTAMP + 30_500L)).get(partition);
            Check.same(11L, found.offset(), "offset for a time between two records");
            Check.same(FIRST_TIMESTAMP + 33_000L, found.timestamp(), "timestamp found for a time");
            var beyond = consumer.offsetsForTimes(Map.of(partition, FIRST_TIMESTAMP + 900_000L)).get(partition);
            Check.same(null, beyond, "offset for a time after the last");
            consumer.seek(partition, 137);
            Check.same(137L, consumer.poll(Duration.ofSeconds(10)).iterator().next().offset(), "offset after seek into the log");
            consumer.seekToEnd(List.of(partition));
            Check.same(200L, consumer.position(partition), "position at the end");
        }
    }

    private static void logAppendTime(Broker broker, Admin admin) throws Exception {
        String topic = broker.topic(admin, "append-time", 1, Map.of("message.timestamp.type", "LogAppendTime"));
        long before = System.currentTimeMillis();
        try (var producer = broker.producer(Map.of())) {
            var at = producer.send(new ProducerRecord<>(topic, 0, 1_000L, "k", "v")).get();
            Check.that(at.timestamp() >= before - 1_000, "acknowledged append time is " + at.timestamp());
        }
        try (var consumer = broker.consumer(Map.of())) {
            var read = Broker.readAll(consumer, topic).get(0);
            Check.same(TimestampType.LOG_APPEND_TIME, read.timestampType(), "timestamp type");
            Check.that(read.timestamp() >= before - 1_000, "append time is " + read.timestamp());
        }
    }

    private static void fireAndForget(Broker broker, Admin admin) throws Exception {
        String topic = broker.topic(admin, "acks-0", 1, Map.of());
        try (var producer = broker.producer(Map.of("acks", "0", "enable.idempotence", "false"))) {
            for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(topic, "v" + i));
            producer.flush();
        }
        try (var consumer = broker.consumer(Map.of())) {
            Check.eventually("all records sent with acks=0 arrive", () -> Broker.readAll(consumer, topic).size() == 100);
        }
    }
}
