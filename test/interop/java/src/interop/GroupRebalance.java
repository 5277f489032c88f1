package interop;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Two members share the partitions, one leaves, the other takes over, a third goes on where they committed; for every assignor. */
final class GroupRebalance {
    private static final int PARTITIONS = 4;
    private static final int RECORDS = 400;
    private static final String PACKAGE = "org.apache.kafka.clients.consumer.";

    private GroupRebalance() {}

    static void run(Broker broker) throws Exception {
        try (Admin admin = broker.admin()) {
            String topic = null;
            for (String assignor : List.of("CooperativeStickyAssignor", "StickyAssignor", "RoundRobinAssignor", "RangeAssignor")) {
                topic = broker.topic(admin, "group-" + assignor.toLowerCase(), PARTITIONS, Map.of());
                share(broker, admin, topic, assignor);
            }
            goesOn(broker, admin, topic);
            staticMember(broker, admin, topic);
        }
    }

    private static void fill(Broker broker, String topic, int from) {
        try (var producer = broker.producer(Map.of())) {
            for (int i = from; i < from + RECORDS; i++) producer.send(new ProducerRecord<>(topic, i % PARTITIONS, null, String.valueOf(i)));
        }
    }

    /** A member in a thread of its own that polls until it is told to leave, and commits what it read whenever it gives partitions up. */
    private static final class Member implements AutoCloseable {
        final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
        final AtomicInteger readCount = new AtomicInteger();
        private final Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        private final CountDownLatch left = new CountDownLatch(1);
        private final KafkaConsumer<String, String> consumer;
        private volatile boolean leaving;
        private volatile Throwable failure;

        Member(Broker broker, String topic, Map<String, String> config) {
            consumer = broker.consumer(config);
            new Thread(() -> live(topic)).start();
        }

        private void live(String topic) {
            try (consumer) {
                consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                    @Override
                    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                        consumer.commitSync(next);
                        next.keySet().removeAll(partitions);
                        assigned.removeAll(partitions);
                    }

                    @Override
                    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                        assigned.addAll(partitions);
                    }
                });
                while (!leaving) {
                    for (var record : consumer.poll(Duration.ofMillis(100))) {
                        next.put(new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1));
                        readCount.incrementAndGet();
                    }
                }
                consumer.commitSync(next);
            } catch (Throwable thrown) {
                failure = thrown;
            } finally {
                left.countDown();
            }
        }

        @Override
        public void close() throws Exception {
            leaving = true;
            Check.that(left.await(20, TimeUnit.SECONDS), "a member does not leave");
            if (failure != null) throw new AssertionError("a member failed: " + failure, failure);
        }
    }

    private static Map<String, String> config(String group, String assignor) {
        return Map.of("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", "false",
            "heartbeat.interval.ms", "200", "session.timeout.ms", "10000", "partition.assignment.strategy", PACKAGE + assignor);
    }

    private static void share(Broker broker, Admin admin, String topic, String assignor) throws Exception {
        String group = broker.name("group-" + assignor.toLowerCase());
        try (Member first = new Member(broker, topic, config(group, assignor))) {
            Check.eventually("the only member has all partitions", () -> first.assigned.size() == PARTITIONS);
            fill(broker, topic, 0);
            Check.eventually("the only member reads everything", () -> first.readCount.get() == RECORDS);
            try (Member second = new Member(broker, topic, config(group, assignor))) {
                Check.eventually(assignor + " shares the partitions", () -> first.assigned.size() == 2 && second.assigned.size() == 2);
                Set<TopicPartition> both = new HashSet<>(first.assigned);
                both.addAll(second.assigned);
                Check.same(PARTITIONS, both.size(), "partitions of both members");
                described(admin, group, topic);
                fill(broker, topic, RECORDS);
                Check.eventually("each reads its share", () -> first.readCount.get() == RECORDS * 3 / 2 && second.readCount.get() == RECORDS / 2);
            }
            Check.eventually("the member that stays takes over", () -> first.assigned.size() == PARTITIONS);
            fill(broker, topic, 2 * RECORDS);
            Check.eventually("it reads everything from where the other committed", () -> first.readCount.get() >= RECORDS * 5 / 2);
            Check.same(RECORDS * 5 / 2, first.readCount.get(), "records of the member that stayed");
        }
        Check.eventually("the group is empty", () -> describe(admin, group).members().isEmpty());
        Check.same("Empty", describe(admin, group).state().toString(), "state of a group that all members left");
    }

    private static org.apache.kafka.clients.admin.ConsumerGroupDescription describe(Admin admin, String group) throws Exception {
        return admin.describeConsumerGroups(Set.of(group)).describedGroups().get(group).get();
    }

    private static void described(Admin admin, String group, String topic) throws Exception {
        Check.eventually("the group is stable", () -> describe(admin, group).state().toString().equals("Stable"));
        var described = describe(admin, group);
        Check.same(2, described.members().size(), "described members");
        Set<Integer> partitions = new TreeSet<>();
        for (MemberDescription member : described.members()) {
            Check.that(member.host().contains("127.0.0.1"), "host of a member is " + member.host());
            member.assignment().topicPartitions().stream().filter(partition -> partition.topic().equals(topic))
                .forEach(partition -> partitions.add(partition.partition()));
        }
        Check.same(Set.of(0, 1, 2, 3), partitions, "described assignment");
        Check.that(described.coordinator() != null, "the coordinator is known");
    }

    /** A static member that comes back within its session gets its partitions again without a rebalance (KIP-345). */
    private static void staticMember(Broker broker, Admin admin, String topic) throws Exception {
        String group = broker.name("static");
        Map<String, String> first = new HashMap<>(config(group, "RangeAssignor"));
        Map<String, String> second = new HashMap<>(first);
        first.put("group.instance.id", "one");
        second.put("group.instance.id", "two");
        try (Member stays = new Member(broker, topic, first)) {
            Check.eventually("the only member has all partitions", () -> stays.assigned.size() == PARTITIONS);
            Set<TopicPartition> had;
            try (Member returns = new Member(broker, topic, second)) {
                Check.eventually("both share", () -> stays.assigned.size() == 2 && returns.assigned.size() == 2);
                had = Set.copyOf(returns.assigned);
            }
            Check.same(2, describe(admin, group).members().size(), "members while one is away");
            try (Member again = new Member(broker, topic, second)) {
                Check.eventually("the same partitions again", () -> again.assigned.equals(had));
                Check.same(2, stays.assigned.size(), "partitions of the one that stayed");
            }
            admin.removeMembersFromConsumerGroup(group,
                new org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions(
                    Set.of(new org.apache.kafka.clients.admin.MemberToRemove("two")))).all().get();
            Check.eventually("a removed static member's partitions move", () -> stays.assigned.size() == PARTITIONS);
        }
    }

    /** What was committed is where the next one begins, not before and not after. */
    private static void goesOn(Broker broker, Admin admin, String topic) throws Exception {
        String group = broker.name("group-rangeassignor");
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Check.same(PARTITIONS, committed.size(), "partitions with a committed offset");
        committed.forEach((partition, offset) -> Check.same(3L * RECORDS / PARTITIONS, offset.offset(), "committed in " + partition));
        fill(broker, topic, 3 * RECORDS);
        TopicPartition zero = new TopicPartition(topic, 0);
        try (var consumer = broker.consumer(config(group, "RangeAssignor"))) {
            consumer.subscribe(List.of(topic));
            Set<String> values = new HashSet<>();
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (values.size() < RECORDS && System.nanoTime() < deadline) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    Check.that(Integer.parseInt(record.value()) >= 3 * RECORDS, "record " + record.value() + " was read again");
                    values.add(record.value());
                }
            }
            Check.same(RECORDS, values.size(), "records after the committed offsets");
            consumer.commitSync(Map.of(zero, new OffsetAndMetadata(150, java.util.Optional.of(0), "a note")));
            var back = consumer.committed(Set.of(zero)).get(zero);
            Check.same(150L, back.offset(), "offset committed by hand");
            Check.same("a note", back.metadata(), "metadata committed by hand");
            Check.same(java.util.Optional.of(0), back.leaderEpoch(), "leader epoch committed by hand");
        }
    }
}
