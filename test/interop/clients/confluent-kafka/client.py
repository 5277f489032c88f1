"""confluent-kafka: librdkafka under Python."""

import json

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from scenario import Failed, expect, expect_error, run, sample_records, wait_for

CALL_LIMIT_S = 10


def result(future):
    return future.result(CALL_LIMIT_S)


def create(bootstrap, topic, partitions, config=None):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    result(admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})])[topic])
    return admin


def new_consumer(bootstrap, group, **config):
    return Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **config,
    })


class Delivery:
    """Counts what a producer's messages came to."""

    def __init__(self):
        self.errors = []
        self.placed = []

    def __call__(self, error, message):
        if error:
            self.errors.append(error)
        else:
            self.placed.append((message.partition(), message.offset(), message.value()))

    def finish(self, producer):
        expect("messages left in the producer", producer.flush(CALL_LIMIT_S), 0)
        if self.errors:
            raise KafkaException(self.errors[0])
        return sorted(self.placed)


def read_partition(bootstrap, group, topic, partition, count):
    consumer = new_consumer(bootstrap, group)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    messages = []

    def poll():
        for message in consumer.consume(500, 0.2):
            if message.error():
                raise KafkaException(message.error())
            messages.append(message)
        return len(messages) >= count

    wait_for(f"{count} records in partition {partition}", poll)
    expect(f"offsets of partition {partition}", [m.offset() for m in messages], list(range(count)))
    consumer.close()
    return messages


def produce_consume(bootstrap, prefix):
    topic = f"{prefix}-produce-consume"
    create(bootstrap, topic, 2)
    wanted = {0: [], 1: []}
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 20})
        delivery = Delivery()
        for i, (key, value, headers, timestamp) in enumerate(sample_records(codec)):
            # only librdkafka of these clients also sends headers without a value
            headers = headers + [("null", None)]
            producer.produce(topic, value, key, i % 2, delivery, timestamp=timestamp, headers=headers)
            wanted[i % 2].append((key, value, headers, (TIMESTAMP_CREATE_TIME, timestamp)))
        delivery.finish(producer)
    for partition, records in wanted.items():
        messages = read_partition(bootstrap, f"{prefix}-reader", topic, partition, len(records))
        read = [(m.key(), m.value(), m.headers(), m.timestamp()) for m in messages]
        expect(f"records of partition {partition}", read, records)
    consumer = new_consumer(bootstrap, f"{prefix}-reader")
    watermarks = consumer.get_watermark_offsets(TopicPartition(topic, 1), CALL_LIMIT_S)
    expect("watermarks", watermarks, (0, len(wanted[1])))
    fifth = wanted[0][4][3][1]
    found = consumer.offsets_for_times([TopicPartition(topic, 0, fifth - 1)], CALL_LIMIT_S)
    expect("offset for time", found[0].offset, 4)
    consumer.close()


def idempotent(bootstrap, prefix):
    topic = f"{prefix}-idempotent"
    create(bootstrap, topic, 1)
    states = []
    producer = Producer({
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "batch.num.messages": 20,
        "statistics.interval.ms": 100,
        "stats_cb": lambda text: states.append(json.loads(text)["eos"]),
    })
    delivery = Delivery()
    values = [str(n).encode() for n in range(1000)]
    for value in values:
        producer.produce(topic, value, on_delivery=delivery)
    expect("delivered", delivery.finish(producer), [(0, n, value) for n, value in enumerate(values)])
    expect("records", [m.value() for m in read_partition(bootstrap, f"{prefix}-reader", topic, 0, 1000)], values)
    wait_for("a producer id", lambda: producer.poll(0.1) >= 0 and any(s["idemp_state"] == "Assigned" for s in states))


class Member:
    def __init__(self, bootstrap, group, topic, **config):
        self.consumer = new_consumer(bootstrap, group, **{"heartbeat.interval.ms": 300, **config})
        self.consumer.subscribe([topic])
        self.records = []

    def poll(self):
        """Takes what is there; gives back the number of partitions that the member has."""
        for message in self.consumer.consume(100, 0.05):
            if message.error():
                raise KafkaException(message.error())
            self.records.append((message.partition(), message.offset(), message.value()))
        return len(self.consumer.assignment())

    def leave(self):
        self.consumer.commit(asynchronous=False)
        self.consumer.close()


def transactional_producer(bootstrap, transactional_id, **config):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, **config})
    producer.init_transactions(CALL_LIMIT_S)
    return producer


def read_committed(bootstrap, group, topic, count):
    """Reads a partition to its last stable offset, which must be its end."""
    consumer = new_consumer(bootstrap, group, **{"isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    values = []

    def poll():
        for message in consumer.consume(500, 0.2):
            if not message.error():
                values.append(message.value().decode())
            elif message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
        return len(values) >= count

    wait_for(f"{count} committed records", poll)
    consumer.close()
    return values


def transactions(bootstrap, prefix):
    topic, source = f"{prefix}-transactions", f"{prefix}-transactions-source"
    create(bootstrap, topic, 1)
    create(bootstrap, source, 1)
    producer = transactional_producer(bootstrap, f"{prefix}-tx")
    wanted = []
    for number in range(30):
        producer.begin_transaction()
        for value in [f"{number}:{i}" for i in range(20)]:
            producer.produce(topic, value)
            if number % 3 != 2:
                wanted.append(value)
        if number % 3 == 2:
            producer.flush(CALL_LIMIT_S)
            producer.abort_transaction(CALL_LIMIT_S)
        else:
            producer.commit_transaction(CALL_LIMIT_S)
    expect("committed records", read_committed(bootstrap, f"{prefix}-tx-reader", topic, len(wanted)), wanted)
    transactional_offsets(bootstrap, prefix, producer, source)
    fencing(bootstrap, prefix, producer, topic, wanted)


def transactional_offsets(bootstrap, prefix, producer, source):
    group = f"{prefix}-tx-group"
    consumer = new_consumer(bootstrap, group)
    consumer.subscribe([source])
    plain = Producer({"bootstrap.servers": bootstrap})
    plain.produce(source, b"one")
    plain.flush(CALL_LIMIT_S)
    wait_for("the source's record", lambda: consumer.poll(0.5))
    for offset, commits in [(1, True), (7, False)]:
        producer.begin_transaction()
        offsets = [TopicPartition(source, 0, offset)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), CALL_LIMIT_S)
        if commits:
            producer.commit_transaction(CALL_LIMIT_S)
        else:
            producer.abort_transaction(CALL_LIMIT_S)
    expect("the group's offset", consumer.committed([TopicPartition(source, 0)], CALL_LIMIT_S)[0].offset, 1)
    consumer.close()


def fencing(bootstrap, prefix, zombie, topic, wanted):
    zombie.begin_transaction()
    zombie.produce(topic, "lost")
    zombie.flush(CALL_LIMIT_S)
    successor = transactional_producer(bootstrap, f"{prefix}-tx")
    successor.begin_transaction()
    successor.produce(topic, "kept")
    successor.commit_transaction(CALL_LIMIT_S)
    try:
        zombie.commit_transaction(CALL_LIMIT_S)
        raise Failed("a fenced producer committed")
    except KafkaException as exception:
        expect("the error is fatal", exception.args[0].fatal(), True)
    wanted = [*wanted, "kept"]
    expect("records after fencing", read_committed(bootstrap, f"{prefix}-tx-reader-2", topic, len(wanted)), wanted)


def group_rebalance(bootstrap, prefix):
    for strategy in ["range", "cooperative-sticky"]:
        rebalance(bootstrap, f"{prefix}-{strategy}", {"partition.assignment.strategy": strategy})


def rebalance(bootstrap, prefix, config):
    topic, group = f"{prefix}-group-rebalance", f"{prefix}-group"
    admin = create(bootstrap, topic, 4)
    producer = Producer({"bootstrap.servers": bootstrap})

    def send(first, count):
        delivery = Delivery()
        for n in range(first, first + count):
            producer.produce(topic, str(n).encode(), partition=n % 4, on_delivery=delivery)
        return delivery.finish(producer)

    first, second = Member(bootstrap, group, topic, **config), Member(bootstrap, group, topic, **config)
    wait_for("two members share four partitions", lambda: [first.poll(), second.poll()] == [2, 2])
    sent = send(0, 40)
    wait_for("40 records in both", lambda: first.poll() + second.poll() and len(first.records + second.records) >= 40)
    expect("records in both", sorted(first.records + second.records), sent)
    # else the first would read again from the start what a rebalance takes and gives back
    first.consumer.commit(asynchronous=False)
    second.leave()
    wait_for("the first takes over", lambda: first.poll() == 4)
    del first.records[:]
    sent = send(40, 20)
    wait_for("20 records in the first", lambda: first.poll() and len(first.records) >= 20)
    expect("records after the take-over", sorted(first.records), sent)
    first.leave()
    sent = send(60, 8)
    third = Member(bootstrap, group, topic, **config)
    wait_for("8 records in the third", lambda: third.poll() and len(third.records) >= 8)
    expect("records after the committed offsets", sorted(third.records), sent)
    third.leave()
    expect("committed offsets", committed(admin, group), {(topic, p): 17 for p in range(4)})


def committed(admin, group):
    answer = result(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group])
    return {(part.topic, part.partition): part.offset for part in answer.topic_partitions}


def admin(bootstrap, prefix):
    topic, group = f"{prefix}-admin", f"{prefix}-admin-group"
    client = create(bootstrap, topic, 2, {"retention.ms": "123456"})
    wait_for("listing", lambda: topic in client.list_topics(timeout=CALL_LIMIT_S).topics)

    nodes = {node.id for node in result(client.describe_cluster()).nodes}

    def partitions():
        described = result(client.describe_topics(TopicCollection([topic]))[topic])
        return [(part.id, part.leader.id in nodes) for part in described.partitions]

    expect("partitions", partitions(), [(0, True), (1, True)])
    result(client.create_partitions([NewPartitions(topic, 3)])[topic])
    wait_for("three partitions", lambda: partitions() == [(0, True), (1, True), (2, True)])
    admin_configs(client, topic)
    admin_records(client, bootstrap, topic)
    admin_groups(client, bootstrap, topic, group)
    result(client.delete_topics([topic])[topic])
    wait_for("deletion", lambda: topic not in client.list_topics(timeout=CALL_LIMIT_S).topics)


def admin_configs(client, topic):
    def value_of(name):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return result(client.describe_configs([resource])[resource])[name].value

    def change(name, value, operation):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        result(client.incremental_alter_configs([resource])[resource])

    expect("configured value", value_of("retention.ms"), "123456")
    change("max.message.bytes", "5000", AlterConfigOpType.SET)
    wait_for("the altered value", lambda: value_of("max.message.bytes") == "5000")
    change("retention.ms", None, AlterConfigOpType.DELETE)
    wait_for("the default", lambda: value_of("retention.ms") == "604800000")
    change("cleanup.policy", "compact", AlterConfigOpType.APPEND)
    wait_for("the appended value", lambda: value_of("cleanup.policy") == "delete,compact")
    change("cleanup.policy", "compact", AlterConfigOpType.SUBTRACT)
    wait_for("the value without it", lambda: value_of("cleanup.policy") == "delete")


def admin_records(client, bootstrap, topic):
    producer, delivery = Producer({"bootstrap.servers": bootstrap}), Delivery()
    for n in range(10):
        producer.produce(topic, str(n).encode(), partition=0, timestamp=1000 + n, on_delivery=delivery)
    delivery.finish(producer)
    part = TopicPartition(topic, 0, 4)
    expect("low watermark", result(client.delete_records([part])[part]).low_watermark, 4)

    def offset(spec):
        return result(client.list_offsets({TopicPartition(topic, 0): spec})[TopicPartition(topic, 0)]).offset

    expect("first offset", offset(OffsetSpec.earliest()), 4)
    expect("end offset", offset(OffsetSpec.latest()), 10)
    expect("offset for time", offset(OffsetSpec.for_timestamp(1007)), 7)
    expect("offset of the greatest time", offset(OffsetSpec.max_timestamp()), 9)


def admin_groups(client, bootstrap, topic, group):
    member = Member(bootstrap, group, topic)
    wait_for("six records", lambda: member.poll() and len(member.records) >= 6)
    described = result(client.describe_consumer_groups([group])[group])
    expect("state", described.state, ConsumerGroupState.STABLE)
    assigned = [[(p.topic, p.partition) for p in m.assignment.topic_partitions] for m in described.members]
    expect("assignment", assigned, [[(topic, 0), (topic, 1), (topic, 2)]])
    expect("deletion of a group in use", group_deletion(client, group), KafkaError.NON_EMPTY_GROUP)
    member.leave()
    expect("listed", group in [g.group_id for g in result(client.list_consumer_groups()).valid], True)
    expect("committed", committed(client, group), {(topic, 0): 10})
    change = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 5)])
    result(client.alter_consumer_group_offsets([change])[group])
    expect("altered", committed(client, group), {(topic, 0): 5})
    expect("deletion", group_deletion(client, group), None)
    expect("second deletion", group_deletion(client, group), KafkaError.GROUP_ID_NOT_FOUND)


def group_deletion(client, group):
    try:
        return result(client.delete_consumer_groups([group])[group])
    except KafkaException as error:
        return error.args[0].code()


def errors(bootstrap, prefix):
    topic = f"{prefix}-errors"
    client = create(bootstrap, topic, 1)

    def expect_code(what, code, call):
        expect(what, expect_error(what, KafkaException, call).args[0].code(), code)

    def send(value, name=topic):
        producer, delivery = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 4_000_000}), Delivery()
        producer.produce(name, value, on_delivery=delivery)
        return delivery.finish(producer)

    def create_again(name):
        return lambda: result(client.create_topics([NewTopic(name, 1, 1)])[name])

    expect_code("a record of 2 MB", KafkaError.MSG_SIZE_TOO_LARGE, lambda: send(bytes(2_000_000)))
    expect("the next record", send(b"small"), [(0, 0, b"small")])
    expect_code("an existing topic", KafkaError.TOPIC_ALREADY_EXISTS, create_again(topic))
    invalid, unknown = f"{prefix} with blanks", f"{prefix}-unknown"
    expect_code("an invalid name", KafkaError.TOPIC_EXCEPTION, create_again(invalid))
    expect_code("a record for an invalid name", KafkaError.TOPIC_EXCEPTION, lambda: send(b"value", invalid))
    delete = lambda: result(client.delete_topics([unknown])[unknown])  # noqa: E731
    expect_code("an unknown topic", KafkaError.UNKNOWN_TOPIC_OR_PART, delete)
    consumer = new_consumer(bootstrap, f"{prefix}-reader")  # which asks for no creation
    consumer.subscribe([unknown])
    message = wait_for("the consumer's error", lambda: consumer.poll(0.5))
    if not message.error():
        raise Failed("the consumer read from an unknown topic")
    expect("the consumer's error", message.error().code(), KafkaError.UNKNOWN_TOPIC_OR_PART)
    consumer.close()


run({
    "produce-consume": produce_consume,
    "idempotent": idempotent,
    "transactions": transactions,
    "group-rebalance": group_rebalance,
    "admin": admin,
    "errors": errors,
})
