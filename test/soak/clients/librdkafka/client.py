"""client.py BOOTSTRAP NAME FILE PLAIN RATE TRANSACTIONAL GROUP: the roles of SoakClient.java with librdkafka, until stdin ends.

librdkafka does not tell the group's generation, so its commits say -1 and its assignments are not told."""
import json
import os
import random
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

bootstrap, name, path, plain_list, rate, transactional_list, group = sys.argv[1:8]
rate = int(rate)
history = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
stopping = threading.Event()
padding = os.urandom(150)
counter_lock = threading.Lock()
counter = 0


def now():
    return round(time.monotonic() * 1000, 3)


def line(kind, client, **fields):
    os.write(history, (json.dumps({"kind": kind, "at": now(), "client": client, **fields}) + "\n").encode())


def next_number():
    global counter
    with counter_lock:
        counter += 1
        return counter


def partitions(text):
    return [(item.split(":")[0], p) for item in text.split(",") for p in range(int(item.split(":")[1]))]


def common(**more):
    return {
        "bootstrap.servers": bootstrap,
        "socket.timeout.ms": 5000,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        "retry.backoff.max.ms": 300,
        "log_level": 0,
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def new_producer(**more):
    codec = random.choice(["none", "gzip", "snappy", "lz4", "zstd"])
    settings = {"delivery_timeout_ms": 120000, **more}
    return Producer(common(enable_idempotence=True, linger_ms=5, compression_type=codec, **settings))


def send(producer, client, to, transaction=None, done=lambda: None):
    value = f"{client}-{next_number()}"
    told = {} if transaction is None else {"transaction": transaction}
    topic, partition = to
    line("send", client, id=value, topic=topic, partition=partition, values=[value], idempotent=True, ordered=True, **told)

    def delivered(error, message):
        done()
        if error is None:
            offset = message.offset()
            line("sent", client, id=value, outcome="acked", baseOffset=-1 if offset is None else offset)
        else:
            line("sent", client, id=value, outcome="unknown", error=str(error))

    producer.produce(topic, value=value.encode(), key=padding, partition=partition, on_delivery=delivered)


def produce(everything):
    life = 0
    while not stopping.is_set():
        life += 1
        client = f"{name}.p{life}"
        producer = new_producer()
        waiting = [0]

        def done():
            waiting[0] -= 1

        try:
            turn = 0
            while not stopping.is_set():
                for _ in range(max(1, rate // 20)):
                    if waiting[0] >= 1000:
                        break
                    waiting[0] += 1
                    send(producer, client, everything[turn % len(everything)], done=done)
                    turn += 1
                producer.poll(0)
                time.sleep(0.05)
        except (KafkaException, BufferError) as error:
            print(f"{client} ended: {error}", file=sys.stderr)
        producer.flush(60)


def new_consumer(**more):
    return Consumer(common(enable_auto_commit=False, auto_offset_reset="earliest", session_timeout_ms=10000, **more))


def seek(client, to, position):
    line("seek", client, topic=to[0], partition=to[1], position=position)


def take(consumer, client, next_of, isolation, **more):
    """One round of reading. Answers the partitions that had something."""
    began = now()
    found = {}
    for message in consumer.consume(500, 0.2):
        if message.error() is not None:
            continue
        found.setdefault((message.topic(), message.partition()), []).append([message.offset(), message.value().decode()])
    for (topic, partition), records in found.items():
        # what arrives of a partition that was given away meanwhile is nobody's
        position = next_of.get((topic, partition))
        if position is None:
            continue
        line("read", client, began=began, topic=topic, partition=partition, position=position, records=records, isolation=isolation, **more)
        next_of[(topic, partition)] = records[-1][0] + 1
    return [place for place in found if place in next_of]


def read(client, everything, isolation):
    consumer = new_consumer(group_id=client, isolation_level=isolation)
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in everything])
    next_of = {place: 0 for place in everything}
    for place in everything:
        seek(client, place, 0)
    while not stopping.is_set():
        take(consumer, client, next_of, isolation)
    consumer.close()


def consume_in_group(client, everything):
    consumer = new_consumer(group_id=group, client_id=client)
    next_of, uncommitted = {}, {}

    def commit():
        if not uncommitted:
            return
        number = f"{client}-commit-{next_number()}"
        offsets = [[topic, partition, offset] for (topic, partition), offset in uncommitted.items()]
        line("commit", client, id=number, group=group, generation=-1, member=consumer.memberid() or "", offsets=offsets)
        try:
            results = consumer.commit(offsets=[TopicPartition(*offset) for offset in offsets], asynchronous=False)
            failed = [result.error for result in results if result.error is not None]
            line("committed", client, id=number, outcome="unknown" if failed else "acked")
            uncommitted.clear()
        except KafkaException as error:
            line("committed", client, id=number, outcome="unknown", error=str(error))

    def assigned(_, assignment):
        while True:
            try:
                committed = consumer.committed(assignment, timeout=10)
                break
            except KafkaException:
                if stopping.is_set():
                    return
        for at in committed:
            at.offset = max(at.offset, 0)
            next_of[(at.topic, at.partition)] = at.offset
            seek(client, (at.topic, at.partition), at.offset)
        consumer.assign(committed)

    def revoked(_, assignment):
        commit()
        lost(_, assignment)

    def lost(_, assignment):
        for at in assignment:
            next_of.pop((at.topic, at.partition), None)
            uncommitted.pop((at.topic, at.partition), None)

    consumer.subscribe(sorted({topic for topic, _ in everything}), on_assign=assigned, on_revoke=revoked, on_lost=lost)
    last = time.monotonic()
    while not stopping.is_set():
        for place in take(consumer, client, next_of, "read_uncommitted", group=group):
            uncommitted[place] = next_of[place]
        if time.monotonic() - last > 0.5:
            commit()
            last = time.monotonic()
    consumer.close()


def transact(everything):
    life = 0
    while not stopping.is_set():
        life += 1
        client = f"{name}.t{life}"
        try:
            producer = new_producer(transactional_id=f"{group}-t", transaction_timeout_ms=20000, delivery_timeout_ms=15000)
            retried(lambda: producer.init_transactions(30))
            number = 0
            while not stopping.is_set():
                number += 1
                one_transaction(producer, client, f"{client}-tx-{number}", everything)
        except KafkaException as error:
            print(f"{client} ended: {error}", file=sys.stderr)
            time.sleep(0.5)


def retried(call):
    for attempt in range(4):
        try:
            return call()
        except KafkaException as error:
            if attempt == 3 or not error.args[0].retriable():
                raise


def one_transaction(producer, client, transaction, everything):
    failed = False
    line("begin", client, transaction=transaction)
    producer.begin_transaction()
    for _ in range(random.randint(1, 20)):
        send(producer, client, random.choice(everything), transaction)
    producer.poll(0.02)
    if random.random() < 0.8:
        try:
            retried(lambda: producer.flush(30))
            line("end", client, transaction=transaction, commit=True)
            retried(lambda: producer.commit_transaction(30))
            line("ended", client, transaction=transaction, outcome="acked")
            return
        except KafkaException as error:
            line("ended", client, transaction=transaction, outcome="unknown")
            if not error.args[0].txn_requires_abort():
                raise
            failed = True
    # An abort takes back what waits to be sent again after a lost answer, and gives its sequence numbers to the next records; the broker, who has them already, takes
    # these for repeats. So nothing may be under way, and where it may be, a new producer goes on.
    is_clear = producer.flush(5) == 0 and not failed
    line("end", client, transaction=transaction, commit=False)
    retried(lambda: producer.abort_transaction(30))
    line("ended", client, transaction=transaction, outcome="acked")
    if not is_clear:
        raise KafkaException(KafkaError(KafkaError._STATE, "aborted with records under way"))


def guarded(work, *args):
    def run():
        try:
            work(*args)
        except BaseException as error:
            print(f"{name} {work.__name__} ended: {error!r}", file=sys.stderr)
            os._exit(1)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


plain = partitions(plain_list)
threads = [
    guarded(produce, plain),
    guarded(consume_in_group, f"{name}.g1", plain),
    guarded(consume_in_group, f"{name}.g2", plain),
    guarded(read, f"{name}.r", plain, "read_uncommitted"),
]
if transactional_list != "-":
    transactional = partitions(transactional_list)
    threads += [guarded(transact, transactional), guarded(read, f"{name}.c", transactional, "read_committed")]
sys.stdin.read()
stopping.set()
for thread in threads:
    thread.join(90)
os._exit(0)
