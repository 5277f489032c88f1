package interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/**
 * Writes keyed records to a compacted topic, so that two cleaners over the same log can be compared: Compaction BOOTSTRAP TOPIC COUNT SEED [in-turn].
 * In turn, each producer is done before the next one begins, and times are counted and not read: then two brokers have the same record at each offset.
 * Some are in transactions, of which some are aborted; some are tombstones; keys are many that come once and few that come often.
 * The topic is made when it is not there.
 */
public final class Compaction {
    private static final List<String> CODECS = List.of("none", "lz4", "zstd", "gzip", "snappy", "none");
    private static final int TRANSACTIONAL = 3;
    private static final int PLAIN = 5;
    private static final long TIME = 1_764_000_000_000L;

    private Compaction() {}

    public static void main(String[] args) throws Exception {
        Broker broker = new Broker(args[0], "");
        String topic = args[1];
        int count = Integer.parseInt(args[2]);
        Random random = new Random(Long.parseLong(args[3]));
        boolean inTurn = args.length > 4;
        Admin admin = broker.admin();
        create(admin, topic, inTurn);
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        for (int i = 0; i <= PLAIN; i++) producers.add(producer(broker, i, args[3]));
        for (int written = 0; written < count; ) {
            int which = random.nextInt(producers.size());
            var producer = producers.get(which);
            int burst = Math.min(count - written, 1 + random.nextInt(random.nextInt(8) == 0 ? 2_000 : 200));
            if (which < TRANSACTIONAL) producer.beginTransaction();
            for (int i = 0; i < burst; i++) producer.send(record(topic, random, count, inTurn ? TIME + (written + i) / 1_000 : null));
            written += burst;
            if (which < TRANSACTIONAL || inTurn) producer.flush();
            if (which >= TRANSACTIONAL) continue;
            if (random.nextInt(10) < 3) producer.abortTransaction();
            else producer.commitTransaction();
            if (inTurn) awaitMarker(admin, topic);
        }
        admin.close();
        for (var producer : producers) producer.close();
    }

    /** A transaction has ended for its producer before its marker is written. */
    private static void awaitMarker(Admin admin, String topic) throws Exception {
        while (end(admin, topic, IsolationLevel.READ_COMMITTED) < end(admin, topic, IsolationLevel.READ_UNCOMMITTED)) Thread.sleep(1);
    }

    private static long end(Admin admin, String topic, IsolationLevel isolation) throws Exception {
        var partition = new TopicPartition(topic, 0);
        return admin.listOffsets(Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(isolation)).partitionResult(partition).get().offset();
    }

    private static void create(Admin admin, String topic, boolean inTurn) throws Exception {
        if (admin.listTopics().names().get().contains(topic)) return;
        var configs = new java.util.HashMap<>(Map.of("cleanup.policy", "compact", "segment.bytes", "1048576",
            "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "1000"));
        // Markers have the time of day, far from that of the records: a segment ends for neither of them.
        if (inTurn) configs.putAll(Map.of("segment.ms", "94608000000", "message.timestamp.after.max.ms", String.valueOf(Long.MAX_VALUE)));
        admin.createTopics(Set.of(new NewTopic(topic, 1, (short) 1).configs(configs))).all().get();
        Broker.awaitPartitions(admin, topic, 1);
    }

    private static KafkaProducer<byte[], byte[]> producer(Broker broker, int which, String run) {
        var config = new java.util.HashMap<>(Map.of("compression.type", CODECS.get(which), "linger.ms", "2"));
        if (which < TRANSACTIONAL) config.put("transactional.id", "compaction-" + which + (which == 0 ? "" : "-" + run));
        if (which == PLAIN) config.put("enable.idempotence", "false");
        var producer = broker.byteProducer(config);
        if (which < TRANSACTIONAL) producer.initTransactions();
        return producer;
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, Random random, int count, Long time) {
        int key = random.nextInt(4) == 0 ? random.nextInt(count) : random.nextInt(Math.max(1, count / 40));
        byte[] value = random.nextInt(10) == 0 ? null : new byte[random.nextInt(160)];
        if (value != null) random.nextBytes(value);
        var record = new ProducerRecord<>(topic, 0, time, ("key " + key).getBytes(UTF_8), value);
        if (random.nextInt(5) == 0) record.headers().add("number", String.valueOf(key).getBytes(UTF_8));
        return record;
    }
}
