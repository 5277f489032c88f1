package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/** An idempotent producer with five requests under way: every record once, in the order it was sent; two producers have two ids. */
final class Idempotent {
    private static final int RECORDS = 5_000;

    private Idempotent() {}

    static void run(Broker broker) throws Exception {
        Map<String, String> config = Map.of("enable.idempotence", "true", "acks", "all", "batch.size", "500",
            "max.in.flight.requests.per.connection", "5", "compression.type", "lz4");
        try (Admin admin = broker.admin()) {
            String topic = broker.topic(admin, "idempotent", 2, Map.of());
            try (var first = broker.producer(config); var second = broker.producer(config)) {
                List<Future<RecordMetadata>> acknowledged = new ArrayList<>();
                for (int i = 0; i < RECORDS; i++) {
                    acknowledged.add(first.send(new ProducerRecord<>(topic, i % 2, "first", String.valueOf(i))));
                    if (i % 10 == 0) acknowledged.add(second.send(new ProducerRecord<>(topic, 0, "second", String.valueOf(i))));
                }
                for (var one : acknowledged) one.get();
                producers(admin, topic);
            }
            order(broker, topic);
        }
    }

    private static void producers(Admin admin, String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        var active = admin.describeProducers(Set.of(partition)).partitionResult(partition).get().activeProducers();
        Check.same(2, active.size(), "active producers");
        Check.same(2L, active.stream().map(state -> state.producerId()).distinct().count(), "different producer ids");
        var sequences = active.stream().map(state -> state.lastSequence()).sorted().toList();
        Check.same(List.of(RECORDS / 10 - 1, RECORDS / 2 - 1), sequences, "last sequences");
    }

    private static void order(Broker broker, String topic) {
        try (var consumer = broker.consumer(Map.of("isolation.level", "read_committed"))) {
            int[] next = {0, 1};
            int nextOfSecond = 0;
            for (var record : Broker.readAll(consumer, topic)) {
                int value = Integer.parseInt(record.value());
                if (record.key().equals("second")) {
                    Check.same(nextOfSecond, value, "next record of the second producer");
                    nextOfSecond += 10;
                } else {
                    Check.same(next[record.partition()], value, "next record of partition " + record.partition());
                    next[record.partition()] += 2;
                }
            }
            Check.same(List.of(RECORDS, RECORDS + 1, RECORDS), List.of(next[0], next[1], nextOfSecond), "ends of the sequences");
        }
    }
}
