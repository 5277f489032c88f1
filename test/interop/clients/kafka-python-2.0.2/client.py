"""kafka-python 2.0.2: the old, widespread one."""

import sys

import six.moves

# The six inside kafka-python 2.0.2 hides its `moves` from Python 3.12 on; the current six has them.
sys.modules.setdefault("kafka.vendor.six.moves", six.moves)

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition  # noqa: E402
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic  # noqa: E402
from kafka.errors import (  # noqa: E402
    GroupIdNotFoundError,
    InvalidTopicError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

import kafka_python  # noqa: E402
from scenario import expect, expect_error, run, wait_for  # noqa: E402


def create(bootstrap, topic, partitions, configs=None):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])
    wait_for(f"leaders of {topic}", lambda: all(p["leader"] >= 0 for p in admin.describe_topics([topic])[0]["partitions"]))
    return admin


def produce_consume(bootstrap, prefix):
    topic = f"{prefix}-produce-consume"
    create(bootstrap, topic, 2).close()
    kafka_python.produce_consume(bootstrap, topic)


def group_rebalance(bootstrap, prefix):
    topic, group = f"{prefix}-group-rebalance", f"{prefix}-group"
    admin = create(bootstrap, topic, 4)
    committed = kafka_python.group_rebalance(bootstrap, group, topic)
    found = admin.list_consumer_group_offsets(group)
    expect("committed offsets", {part: o.offset for part, o in found.items()}, committed)
    admin.close()


def admin(bootstrap, prefix):
    topic, group = f"{prefix}-admin", f"{prefix}-admin-group"
    client = create(bootstrap, topic, 2, {"retention.ms": "123456"})
    if topic not in client.list_topics():
        raise KafkaError(f"{topic} is not listed")
    described = client.describe_topics([topic])[0]
    expect("partitions", sorted(p["partition"] for p in described["partitions"]), [0, 1])
    client.create_partitions({topic: NewPartitions(3)})
    wait_for("three partitions", lambda: len(client.describe_topics([topic])[0]["partitions"]) == 3)
    expect("controller", client.describe_cluster()["controller_id"], client.describe_cluster()["brokers"][0]["node_id"])
    admin_configs(client, topic)
    admin_groups(client, bootstrap, topic, group)
    client.delete_topics([topic])
    wait_for("deletion", lambda: topic not in client.list_topics())
    client.close()


def admin_configs(client, topic):
    def value_of(name):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})
        (error, message, _type, _name, entries) = client.describe_configs([resource])[0].resources[0]
        expect(f"describing {name}: {message}", error, 0)
        return [(entry[0], entry[1]) for entry in entries]

    expect("configured value", value_of("retention.ms"), [("retention.ms", "123456")])
    change = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "5000"})
    expect("altering", client.alter_configs([change]).resources[0][0], 0)
    wait_for("the altered value", lambda: value_of("max.message.bytes") == [("max.message.bytes", "5000")])
    # the old AlterConfigs replaces: what it does not name returns to the default
    expect("the value that was not named", value_of("retention.ms"), [("retention.ms", "604800000")])


def admin_groups(client, bootstrap, topic, group):
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    producer.send(topic, b"one", partition=0).get(10)
    producer.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest")
    wait_for("the record", lambda: consumer.poll(timeout_ms=200))
    described = client.describe_consumer_groups([group])[0]
    expect("group", (described.group, described.state, described.protocol_type), (group, "Stable", "consumer"))
    expect("members", len(described.members), 1)
    expect("assignment", described.members[0].member_assignment.assignment, [(topic, [0, 1, 2])])
    consumer.commit()
    consumer.close()
    expect("listed", (group, "consumer") in client.list_consumer_groups(), True)
    offsets = client.list_consumer_group_offsets(group)
    expect("committed", offsets[TopicPartition(topic, 0)].offset, 1)
    expect("deletion of the group", client.delete_consumer_groups([group]), [(group, NoError)])
    expect("second deletion", client.delete_consumer_groups([group]), [(group, GroupIdNotFoundError)])


def errors(bootstrap, prefix):
    topic = f"{prefix}-errors"
    client = create(bootstrap, topic, 1)
    kafka_python.client_errors(bootstrap, topic)
    new = lambda name: lambda: client.create_topics([NewTopic(name, 1, 1)])  # noqa: E731
    expect_error("an existing topic", TopicAlreadyExistsError, new(topic))
    expect_error("an invalid name", InvalidTopicError, new(f"{prefix} with blanks"))
    expect_error("an unknown topic", UnknownTopicOrPartitionError, lambda: client.delete_topics([f"{prefix}-unknown"]))
    client.close()


run({"produce-consume": produce_consume, "group-rebalance": group_rebalance, "admin": admin, "errors": errors})
