"""table.py BOOTSTRAP TOPIC: every committed record as a line of JSON, and behind each partition its end offset."""
import json
import sys

from confluent_kafka import Consumer, TopicPartition

bootstrap, topic = sys.argv[1:3]
consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": "table",
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
})
partitions = sorted(consumer.list_topics(topic, 10).topics[topic].partitions)
for partition in partitions:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
    consumer.assign([TopicPartition(topic, partition, low)])
    while True:
        record = consumer.poll(10)
        if record is None:
            sys.exit(f"nothing more from partition {partition}")
        if record.error():
            # the end of the partition
            break
        print(json.dumps({"key": record.key().decode("latin1"), "value": record.value().decode("latin1")}))
    print(json.dumps({"end": high}))
consumer.close()
