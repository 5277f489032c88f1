"""One member of a group: appends partition, offset, key and value of every record to a file, and commits what it has written."""
import signal
import sys

from confluent_kafka import Consumer, KafkaException

bootstrap, topic, group, path = sys.argv[1:5]
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": group,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "session.timeout.ms": 6000,
    "reconnect.backoff.max.ms": 1000,
    "log_level": 0,
})
consumer.subscribe([topic])
seen = 0
with open(path, "ab") as out:
    while running:
        records = consumer.consume(5000, 0.5)
        for record in records:
            if record.error():
                continue
            out.write(b"%d\t%d\t%s\t%s\n" % (record.partition(), record.offset(), record.key(), record.value()))
            seen += 1
        if records:
            out.flush()
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as error:
                print("commit:", error, file=sys.stderr)
consumer.close()
print(f"{seen} records")
