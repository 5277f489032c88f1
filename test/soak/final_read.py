"""final_read.py BOOTSTRAP TOPICS GROUPS LIMIT_SECONDS: everything in the topics (`name:partitions,…`), once for each isolation, and the groups' offsets, as lines of a
history. Waits until no transaction is open any more."""
import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

bootstrap, topics, groups, limit = sys.argv[1:5]
deadline = time.monotonic() + float(limit)
places = [(item.split(":")[0], p) for item in topics.split(",") for p in range(int(item.split(":")[1]))]


def line(kind, **fields):
    print(json.dumps({"kind": kind, "at": time.monotonic() * 1000, **fields}))


def consumer(**more):
    settings = {"bootstrap.servers": bootstrap, "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0}
    return Consumer({**settings, **{key.replace("_", "."): value for key, value in more.items()}})


def patient(call):
    while True:
        try:
            return call()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def read(place, isolation):
    topic, partition = place
    reader = consumer(group_id="final-read", isolation_level=isolation)
    at = TopicPartition(topic, partition)
    low, high = patient(lambda: reader.get_watermark_offsets(at, timeout=10))
    reader.assign([TopicPartition(topic, partition, low)])
    records = []
    while True:
        position = max(low, reader.position([at])[0].offset)
        if position >= high:
            break
        if time.monotonic() > deadline:
            sys.exit(f"{topic}-{partition} cannot be read with {isolation} beyond {position} of {high}")
        for message in reader.consume(1000, 0.1):
            if message.error() is None:
                records.append([message.offset(), message.value().decode()])
            elif message.error().code() == KafkaError._PARTITION_EOF:
                # the end of what is stable; markers behind the last record count as read
                if message.offset() >= high:
                    low = high
    reader.close()
    start, end = patient(lambda: consumer(group_id="final-read").get_watermark_offsets(at, timeout=10))
    line("final", topic=topic, partition=partition, isolation=isolation, logStart=start, highWatermark=end, records=records)


for isolation in ("read_uncommitted", "read_committed"):
    for place in places:
        read(place, isolation)
for group in [name for name in groups.split(",") if name]:
    asker = consumer(group_id=group)
    committed = patient(lambda: asker.committed([TopicPartition(*place) for place in places], timeout=10))
    line("finalOffsets", group=group, offsets=[[at.topic, at.partition, max(at.offset, -1)] for at in committed if at.offset >= 0])
