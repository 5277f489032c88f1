"""The scenarios that kafka-python 2 and 3 run alike; the admin client changed between them."""

import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import MessageSizeTooLargeError

from scenario import Failed, expect, expect_error, sample_records, wait_for

SEND_LIMIT_S = 10


def produce_consume(bootstrap, topic):
    """`topic` has two partitions; each codec's records go to both of them."""
    wanted = {0: [], 1: []}
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap, acks="all", compression_type=codec, linger_ms=20, batch_size=100_000
        )
        sent = []
        for i, (key, value, headers, timestamp) in enumerate(sample_records(str(codec))):
            future = producer.send(topic, value, key, headers, partition=i % 2, timestamp_ms=timestamp)
            sent.append(future)
            wanted[i % 2].append((key, value, headers, timestamp))
        producer.flush(SEND_LIMIT_S)
        for future in sent:
            partition = future.get(SEND_LIMIT_S).partition
        expect(f"{codec}: last partition", partition, 1)
        expect(f"{codec}: last offset", future.get().offset, len(wanted[1]) - 1)
        producer.close()
    for partition, records in wanted.items():
        expect(f"records of partition {partition}", read_all(bootstrap, topic, partition, len(records)), records)
    read_from_middle(bootstrap, topic, wanted[0])


def read_all(bootstrap, topic, partition, count):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, partition)])
    consumer.seek_to_beginning()
    records = []

    def poll():
        for batch in consumer.poll(timeout_ms=200).values():
            records.extend(batch)
        return len(records) >= count

    wait_for(f"{count} records in partition {partition}", poll)
    expect(f"offsets of partition {partition}", [r.offset for r in records], list(range(count)))
    consumer.close()
    return [(r.key, r.value, list(r.headers), r.timestamp) for r in records]


def read_from_middle(bootstrap, topic, records):
    """Seeks to an offset, looks a time up, asks for beginning and end."""
    part = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    consumer.assign([part])
    expect("beginning offset", consumer.beginning_offsets([part]), {part: 0})
    expect("end offset", consumer.end_offsets([part]), {part: len(records)})
    # every codec repeats the same times: the first record at the fifth time is the fifth
    found = consumer.offsets_for_times({part: records[4][3] - 1})[part]
    expect("offset for time", (found.offset, found.timestamp), (4, records[4][3]))
    consumer.seek(part, 7)
    batch = wait_for("records from offset 7", lambda: consumer.poll(timeout_ms=200).get(part))
    expect("first record from offset 7", (batch[0].offset, batch[0].value), (7, records[7][1]))
    consumer.close()


class Member(threading.Thread):
    """A member of a group with its own loop; kafka-python's poll waits inside while the group rebalances."""

    def __init__(self, bootstrap, group, topic):
        super().__init__(daemon=True)
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=300,
        )
        self.records = []
        self.partitions = set()
        self.error = None
        self.leaving = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.leaving.is_set():
                batches = self.consumer.poll(timeout_ms=100).values()
                if batches:
                    # first the commit: what the test has seen is never read again after a rebalance
                    self.consumer.commit()
                for batch in batches:
                    self.records.extend((r.partition, r.offset, r.value) for r in batch)
                self.partitions = {part.partition for part in self.consumer.assignment()}
            self.consumer.close(autocommit=False)
        except Exception as error:
            self.error = error

    def leave(self):
        self.leaving.set()
        self.join(10)
        if self.is_alive():
            raise Failed("a member did not leave within 10 s")
        if self.error:
            raise self.error


def group_rebalance(bootstrap, group, topic):
    """`topic` has four partitions. Gives back the offsets that the group has committed."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")

    def send(first, count):
        futures = [
            producer.send(topic, str(n).encode(), partition=n % 4) for n in range(first, first + count)
        ]
        producer.flush(SEND_LIMIT_S)
        return sorted((f.get().partition, f.get().offset, str(first + i).encode()) for i, f in enumerate(futures))

    first, second = Member(bootstrap, group, topic), Member(bootstrap, group, topic)
    wait_for("two members share four partitions", lambda: [len(m.partitions) for m in (first, second)] == [2, 2])
    expect("partitions of both", first.partitions | second.partitions, {0, 1, 2, 3})
    sent = send(0, 40)
    wait_for("40 records in both", lambda: len(first.records) + len(second.records) >= 40)
    expect("records in both", sorted(first.records + second.records), sent)

    second.leave()
    wait_for("the first takes over", lambda: len(first.partitions) == 4)
    before = len(first.records)
    sent = send(40, 20)
    wait_for("20 records in the first", lambda: len(first.records) - before >= 20)
    expect("records after the take-over", sorted(first.records[before:]), sent)
    first.leave()

    sent = send(60, 8)
    third = Member(bootstrap, group, topic)
    wait_for("8 records in the third", lambda: len(third.records) >= 8)
    expect("records after the committed offsets", sorted(third.records), sent)
    third.leave()
    producer.close()
    return {TopicPartition(topic, p): 17 for p in range(4)}


def client_errors(bootstrap, topic):
    """`topic` has one partition and Kafka's default limits."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, max_request_size=4_000_000)
    expect_error(
        "a record of 2 MB", MessageSizeTooLargeError, lambda: producer.send(topic, bytes(2_000_000)).get(SEND_LIMIT_S)
    )
    producer.close()
    # a new producer: the idempotent one of version 3 gives up after such an error
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    expect("the next record", producer.send(topic, b"small").get(SEND_LIMIT_S).offset, 0)
    producer.close()
