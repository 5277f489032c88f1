package interop;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Transactions: what is committed is read once and in order, what is aborted never; offsets go with the records; a successor fences; time-outs abort. */
final class Transactions {
    private static final int ROUNDS = 30;
    private static final int RECORDS = 100;

    private Transactions() {}

    static void run(Broker broker) throws Exception {
        try (Admin admin = broker.admin()) {
            commitsAndAborts(broker, admin);
            copies(broker, admin);
            fencing(broker, admin);
            timeout(broker, admin);
        }
    }

    /** Every third transaction is aborted, and every fifth begins with a new producer of the same id. */
    private static void commitsAndAborts(Broker broker, Admin admin) throws Exception {
        String topic = broker.topic(admin, "transactions", 3, Map.of());
        List<String> wanted = new ArrayList<>();
        KafkaProducer<String, String> producer = begun(broker, "writer", Map.of());
        for (int round = 0; round < ROUNDS; round++) {
            if (round % 5 == 4) {
                producer.close();
                producer = begun(broker, "writer", Map.of());
            }
            producer.beginTransaction();
            for (int i = 0; i < RECORDS; i++) {
                String value = round + ":" + i;
                producer.send(new ProducerRecord<>(topic, i % 3, null, value));
                if (round % 3 != 2) wanted.add(value);
            }
            if (round == 1) ongoing(broker, admin, topic);
            if (round % 3 == 2) {
                producer.flush();
                producer.abortTransaction();
            } else producer.commitTransaction();
        }
        producer.close();
        // the last one is aborted: its marker is there once the last stable offset has reached the end
        List<String> read = committed(broker, topic);
        Check.same(wanted.size(), read.size(), "committed records");
        Check.same(new HashSet<>(wanted), new HashSet<>(read), "committed records");
        for (int partition = 0; partition < 3; partition++) {
            int p = partition;
            Check.same(wanted.stream().filter(value -> number(value) % 3 == p).toList(),
                read.stream().filter(value -> number(value) % 3 == p).toList(), "order in partition " + partition);
        }
        try (var all = broker.consumer(Map.of())) {
            Check.same(ROUNDS * RECORDS, Broker.readAll(all, topic).size(), "records, committed or not");
        }
    }

    private static int number(String value) {
        return Integer.parseInt(value.substring(value.indexOf(':') + 1));
    }

    private static void ongoing(Broker broker, Admin admin, String topic) throws Exception {
        String id = broker.name("writer");
        Check.eventually("the open transaction is described", () -> {
            var described = admin.describeTransactions(List.of(id)).description(id).get();
            return described.state() == TransactionState.ONGOING && described.topicPartitions().size() == 3;
        });
        var listed = admin.listTransactions().all().get().stream().filter(one -> one.transactionalId().equals(id)).toList();
        Check.same(1, listed.size(), "listed transactional ids");
        Check.same(TransactionState.ONGOING, listed.get(0).state(), "listed state");
        TopicPartition partition = new TopicPartition(topic, 0);
        Check.eventually("the open transaction is a producer's", () -> admin.describeProducers(Set.of(partition)).partitionResult(partition)
            .get().activeProducers().stream().anyMatch(one -> one.currentTransactionStartOffset().isPresent()));
    }

    /** Consume, transform, produce: offsets are committed with the records, and an aborted round is done again. */
    private static void copies(Broker broker, Admin admin) throws Exception {
        String from = broker.topic(admin, "copy-from", 1, Map.of());
        String to = broker.topic(admin, "copy-to", 1, Map.of());
        try (var source = broker.producer(Map.of())) {
            for (int i = 0; i < 500; i++) source.send(new ProducerRecord<>(from, String.valueOf(i)));
        }
        Map<String, String> config = Map.of("group.id", broker.name("copier"), "isolation.level", "read_committed", "auto.offset.reset", "earliest",
            "enable.auto.commit", "false", "max.poll.records", "70");
        TopicPartition partition = new TopicPartition(from, 0);
        try (var consumer = broker.consumer(config); var producer = begun(broker, "copier-id", Map.of())) {
            consumer.subscribe(List.of(from));
            long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            for (int round = 0, next = 0; next < 500; round++) {
                Check.that(System.nanoTime() < deadline, "copying takes too long, at " + next);
                var records = consumer.poll(Duration.ofMillis(200));
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                for (var record : records) producer.send(new ProducerRecord<>(to, record.value() + "!"));
                long position = consumer.position(partition);
                producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(position)), consumer.groupMetadata());
                if (round % 2 == 0) {
                    producer.abortTransaction();
                    consumer.seek(partition, next);
                } else {
                    producer.commitTransaction();
                    next = (int) position;
                }
            }
            Check.eventually("the group's offset is the end", () -> {
                var offset = admin.listConsumerGroupOffsets(broker.name("copier")).partitionsToOffsetAndMetadata().get().get(partition);
                return offset != null && offset.offset() == 500;
            });
        }
        Check.same(IntStream.range(0, 500).mapToObj(i -> i + "!").toList(), committed(broker, to), "copied records");
    }

    private static void fencing(Broker broker, Admin admin) throws Exception {
        String topic = broker.topic(admin, "fencing", 1, Map.of());
        try (var zombie = begun(broker, "fenced", Map.of())) {
            zombie.beginTransaction();
            zombie.send(new ProducerRecord<>(topic, "lost")).get();
            try (var successor = begun(broker, "fenced", Map.of())) {
                successor.beginTransaction();
                successor.send(new ProducerRecord<>(topic, "kept"));
                successor.commitTransaction();
                Check.fails(ProducerFencedException.class, "a commit of the fenced producer", () -> {
                    zombie.commitTransaction();
                    return null;
                });
            }
        }
        Check.same(List.of("kept"), committed(broker, topic), "records after fencing");
        try (var producer = begun(broker, "fenced-by-admin", Map.of())) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "lost too")).get();
            admin.fenceProducers(List.of(broker.name("fenced-by-admin"))).all().get();
            Check.fails(ProducerFencedException.class, "a commit of the producer that the administrator fenced", () -> {
                producer.commitTransaction();
                return null;
            });
        }
        Check.same(List.of("kept"), committed(broker, topic), "records after fencing by the administrator");
    }

    private static void timeout(Broker broker, Admin admin) throws Exception {
        String topic = broker.topic(admin, "timeout", 1, Map.of());
        try (var slow = begun(broker, "slow", Map.of("transaction.timeout.ms", "1000"))) {
            slow.beginTransaction();
            slow.send(new ProducerRecord<>(topic, "late")).get();
            String id = broker.name("slow");
            long deadline = System.nanoTime() + Duration.ofSeconds(25).toNanos();
            while (admin.describeTransactions(List.of(id)).description(id).get().state() != TransactionState.COMPLETE_ABORT) {
                Check.that(System.nanoTime() < deadline, "a transaction is not aborted after its time");
                Thread.sleep(100);
            }
            try {
                slow.commitTransaction();
                throw new AssertionError("a transaction was committed after it had been aborted");
            } catch (KafkaException expected) {
                // which one depends on the protocol: it is fenced, or may abort and go on
            }
        }
        Check.same(List.of(), committed(broker, topic), "records of a transaction that took too long");
    }

    private static KafkaProducer<String, String> begun(Broker broker, String id, Map<String, String> more) {
        Map<String, String> config = new java.util.HashMap<>(more);
        config.put("transactional.id", broker.name(id));
        KafkaProducer<String, String> producer = broker.producer(config);
        producer.initTransactions();
        return producer;
    }

    /** All that a reader of committed records sees, once nothing is open any more. */
    private static List<String> committed(Broker broker, String topic) throws Exception {
        try (KafkaConsumer<String, String> plain = broker.consumer(Map.of());
             KafkaConsumer<String, String> consumer = broker.consumer(Map.of("isolation.level", "read_committed"))) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(info -> new TopicPartition(topic, info.partition())).toList();
            Check.eventually("nothing is open", () -> plain.endOffsets(partitions).equals(consumer.endOffsets(partitions)));
            return Broker.readAll(consumer, topic).stream().map(record -> record.value()).toList();
        }
    }
}
