"""kafka-python, the newest."""

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.errors import InvalidTopicError, KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

import kafka_python
from scenario import expect, expect_error, run, wait_for


def create(bootstrap, topic, partitions, configs=None):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    options = {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}
    admin.create_topics({topic: options}, wait_for_metadata=True)
    return admin


def produce_consume(bootstrap, prefix):
    topic = f"{prefix}-produce-consume"
    create(bootstrap, topic, 2).close()
    kafka_python.produce_consume(bootstrap, topic)


def idempotent(bootstrap, prefix):
    topic, part = f"{prefix}-idempotent", TopicPartition(f"{prefix}-idempotent", 0)
    admin = create(bootstrap, topic, 1)
    producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, batch_size=500)
    values = [str(n).encode() for n in range(1000)]
    futures = [producer.send(topic, value, timestamp_ms=1000) for value in values]
    producer.flush(10)
    expect("offsets", [future.get().offset for future in futures], list(range(1000)))
    read = kafka_python.read_all(bootstrap, topic, 0, 1000)
    expect("records", [value for (_key, value, _headers, _time) in read], values)
    producers = admin.describe_producers([part])[part].active_producers
    expect("producers", len(producers), 1)
    if producers[0].last_sequence != 999:
        raise KafkaError(f"last sequence {producers[0].last_sequence}")
    producer.close()
    admin.close()


def group_rebalance(bootstrap, prefix):
    topic, group = f"{prefix}-group-rebalance", f"{prefix}-group"
    admin = create(bootstrap, topic, 4)
    committed = kafka_python.group_rebalance(bootstrap, group, topic)
    found = admin.list_group_offsets(group)[group]
    expect("committed offsets", {part: o.offset for part, o in found.items()}, committed)
    admin.close()


def admin(bootstrap, prefix):
    topic, group = f"{prefix}-admin", f"{prefix}-admin-group"
    client = create(bootstrap, topic, 2, {"retention.ms": "123456"})
    expect("listed", topic in client.list_topics(), True)
    partitions = lambda: sorted(p["partition_index"] for p in client.describe_topics([topic])[0]["partitions"])  # noqa: E731
    expect("partitions", partitions(), [0, 1])
    client.create_partitions({topic: 3})
    wait_for("three partitions", lambda: partitions() == [0, 1, 2])
    admin_configs(client, topic)
    admin_records(client, bootstrap, topic)
    admin_groups(client, bootstrap, topic, group)
    client.delete_topics([topic])
    wait_for("deletion", lambda: topic not in client.list_topics())
    client.close()


def admin_configs(client, topic):
    def value_of(name):
        resource = ConfigResource("TOPIC", topic, [name])
        return client.describe_configs([resource], config_filter="all")["topic"][topic][name]["value"]

    expect("configured value", value_of("retention.ms"), "123456")
    client.alter_configs([ConfigResource("TOPIC", topic, {"max.message.bytes": "5000"})])
    wait_for("the altered value", lambda: value_of("max.message.bytes") == "5000")
    expect("the value that was not named", value_of("retention.ms"), "123456")
    client.reset_configs([ConfigResource("TOPIC", topic, {"retention.ms": None})])
    wait_for("the default", lambda: value_of("retention.ms") == "604800000")


def admin_records(client, bootstrap, topic):
    part = TopicPartition(topic, 0)
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for n in range(10):
        producer.send(topic, str(n).encode(), partition=0)
    producer.flush(10)
    producer.close()
    client.delete_records({part: 4})
    offset = lambda spec: client.list_partition_offsets({part: spec})[part].offset  # noqa: E731
    expect("first offset", offset(OffsetSpec.EARLIEST), 4)
    expect("end offset", offset(OffsetSpec.LATEST), 10)


def admin_groups(client, bootstrap, topic, group):
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest")
    wait_for("a record", lambda: consumer.poll(timeout_ms=200))
    described = client.describe_groups([group])[group]
    expect("group", (described["group_state"], described["protocol_type"]), ("Stable", "consumer"))
    expect("members", len(described["members"]), 1)
    consumer.commit()
    consumer.close()
    expect("listed", [g["protocol_type"] for g in client.list_groups() if g["group_id"] == group], ["consumer"])
    expect("committed", client.list_group_offsets(group)[group][TopicPartition(topic, 0)].offset, 10)
    expect("deletion of the group", client.delete_groups([group]), {group: "OK"})
    expect("second deletion", client.delete_groups([group]), {group: "GroupIdNotFoundError"})


def errors(bootstrap, prefix):
    topic = f"{prefix}-errors"
    client = create(bootstrap, topic, 1)
    kafka_python.client_errors(bootstrap, topic)
    new = lambda name: lambda: client.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})  # noqa: E731
    expect_error("an existing topic", TopicAlreadyExistsError, new(topic))
    expect_error("an invalid name", InvalidTopicError, new(f"{prefix} with blanks"))
    expect_error("an unknown topic", UnknownTopicOrPartitionError, lambda: client.delete_topics([f"{prefix}-unknown"]))
    client.close()


run({
    "produce-consume": produce_consume,
    "idempotent": idempotent,
    "group-rebalance": group_rebalance,
    "admin": admin,
    "errors": errors,
})
