package interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Looks at what the Kafka Streams word count does: WordCountCheck BOOTSTRAP prepare|counts|purge|leave|restored. Its counts are in the changelog of
 * its window store, under the word, the window's start (8 bytes) and a sequence number (4 bytes).
 */
public final class WordCountCheck {
    private static final String INPUT = "textlines";
    private static final String CHANGELOG = "word-count-WordCounts-changelog";
    private static final String REPARTITION = "word-count-WordCounts-repartition";
    private static final long PATIENCE_MS = 50_000;

    private WordCountCheck() {}

    public static void main(String[] args) throws Exception {
        Broker broker = new Broker(args[0], "");
        String step = args[1];
        try (Admin admin = broker.admin()) {
            switch (step) {
                case "prepare" -> prepare(broker, admin);
                case "counts" -> counted(broker, 1);
                case "purge" -> {
                    // records of the repartition topic are deleted once they are counted and committed
                    TopicPartition partition = new TopicPartition(REPARTITION, 0);
                    await("records of " + REPARTITION + " are deleted", () -> {
                        send(broker, "purge");
                        return admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset() > 0;
                    });
                }
                // Streams does not leave its group when it closes: without this the next start waits for the old member's session to end
                case "leave" -> admin.removeMembersFromConsumerGroup("word-count", new RemoveMembersFromConsumerGroupOptions()).all().get();
                case "restored" -> counted(broker, 2);
                default -> throw new IllegalArgumentException(step);
            }
            if (!Set.of("prepare", "leave").contains(step)) System.out.println("ok " + step);
        } catch (Throwable wrong) {
            System.out.println("not ok " + step + ": " + String.valueOf(wrong).replace('\n', ' '));
            wrong.printStackTrace();
            System.exit(1);
        }
    }

    private static void prepare(Broker broker, Admin admin) throws Exception {
        Set<String> old = admin.listTopics().names().get().stream()
            .filter(name -> name.equals(INPUT) || name.startsWith("word-count-")).collect(Collectors.toSet());
        admin.deleteTopics(old).all().get();
        try {
            admin.deleteConsumerGroups(List.of("word-count")).all().get();
        } catch (java.util.concurrent.ExecutionException noSuchGroup) {
            // the usual case
        }
        Check.eventually("old topics are gone", () -> admin.listTopics().names().get().stream().noneMatch(old::contains));
        admin.createTopics(Set.of(new NewTopic(INPUT, 1, (short) 1))).all().get();
        Broker.awaitPartitions(admin, INPUT, 1);
    }

    /** Sends a hundred lines with words of this round, and waits until the words of all rounds are counted. */
    private static void counted(Broker broker, int rounds) throws Exception {
        for (int i = 0; i < 100; i++) send(broker, "The quick fox, the lazy dog: Round" + rounds);
        Map<String, Long> wanted = new HashMap<>(Map.of("the", 200L * rounds, "quick", 100L * rounds, "fox", 100L * rounds,
            "lazy", 100L * rounds, "dog", 100L * rounds));
        for (int round = 1; round <= rounds; round++) wanted.put("round" + round, 100L);
        await("counts are " + wanted, () -> {
            Map<String, Long> counts = counts(broker);
            counts.remove("purge");
            if (counts.equals(wanted)) return true;
            throw new IllegalStateException("counts are " + counts);
        });
    }

    private static Map<String, Long> counts(Broker broker) {
        Map<ByteBuffer, Long> latest = new HashMap<>();
        try (var consumer = broker.byteConsumer(Map.of("allow.auto.create.topics", "false"))) {
            if (!consumer.listTopics().containsKey(CHANGELOG)) return new HashMap<>();
            for (var record : Broker.readAll(consumer, CHANGELOG)) {
                latest.put(ByteBuffer.wrap(record.key()), record.value() == null ? 0L : ByteBuffer.wrap(record.value()).getLong(record.value().length - 8));
            }
        }
        Map<String, Long> counts = new HashMap<>();
        latest.forEach((key, count) -> counts.merge(new String(key.array(), 0, key.array().length - 12, UTF_8), count, Long::sum));
        return counts;
    }

    private static org.apache.kafka.clients.producer.KafkaProducer<String, String> producer;

    private static void send(Broker broker, String line) throws Exception {
        if (producer == null) producer = broker.producer(Map.of());
        producer.send(new ProducerRecord<>(INPUT, line)).get();
    }

    private static void await(String claim, Callable<Boolean> holds) throws Exception {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        String last = "";
        while (System.currentTimeMillis() < deadline) {
            try {
                if (holds.call()) return;
            } catch (IllegalStateException | java.util.concurrent.ExecutionException notYet) {
                if (notYet.getCause() != null && !(notYet.getCause() instanceof UnknownTopicOrPartitionException)) throw notYet;
                last = notYet.getMessage();
            }
            Thread.sleep(500);
        }
        throw new AssertionError(claim + ": not so after " + PATIENCE_MS / 1000 + " s, " + last);
    }
}
