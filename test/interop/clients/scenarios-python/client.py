"""Runs the programs in test/interop/scenarios unchanged, with kafka-python 2.0.2 and the newest.

They speak to localhost:9092. A broker elsewhere is reached through a relay there; after the first answer a client
follows the broker's advertised address by itself.
"""

import os
import queue
import socket
import subprocess
import sys
import threading
import time

from kafka import KafkaConsumer, TopicPartition

from scenario import Failed, expect, run, wait_for

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scenarios")
NEWEST = sys.modules["kafka"].__path__[0].removesuffix("/kafka")
OLD = f"{NEWEST}-2.0.2"
PORT = 9092
PROGRAM_LIMIT_S = 20


def start(program, packages):
    environment = {**os.environ, "PYTHONPATH": packages, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, os.path.join(PROGRAMS, program)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(program):
    try:
        out, err = program.communicate(timeout=PROGRAM_LIMIT_S)
    except subprocess.TimeoutExpired:
        program.kill()
        raise Failed(f"{program.args[1]} still runs after {PROGRAM_LIMIT_S} s") from None
    if program.returncode != 0:
        raise Failed(f"{program.args[1]} ended with {program.returncode}: {err[-300:]}")
    return out


def relay(bootstrap):
    """Listens on localhost:9092 for a broker that is elsewhere."""
    host, port = bootstrap.rsplit(":", 1)
    if int(port) == PORT:
        return
    target = (host.strip("[]"), int(port))
    for family, address in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, PORT))
        except OSError as error:
            if family == socket.AF_INET:
                raise Failed(f"port {PORT} is taken by another program: {error}") from None
            continue  # no IPv6 here
        listener.listen()
        threading.Thread(target=accept, args=(listener, target), daemon=True).start()


def accept(listener, target):
    while True:
        inside, _ = listener.accept()
        try:
            outside = socket.create_connection(target)
        except OSError:
            inside.close()
            continue
        for source, sink in [(inside, outside), (outside, inside)]:
            threading.Thread(target=copy, args=(source, sink), daemon=True).start()


def copy(source, sink):
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def message_queue(packages):
    # The consumer does not say when it listens, and reads only what comes after: send until it has seen one.
    consumer = start("message_queue_consumer.py", packages)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in consumer.stdout], daemon=True).start()
    try:
        end = time.monotonic() + PROGRAM_LIMIT_S
        while lines.empty() and time.monotonic() < end:
            if consumer.poll() is not None:
                raise Failed(f"the consumer ended: {consumer.stderr.read()[-300:]}")
            finish(start("message_queue_producer.py", packages))
            time.sleep(0.3)
        if lines.empty():
            raise Failed(f"the consumer has seen nothing in {PROGRAM_LIMIT_S} s")
        expect("the consumer's line", lines.get(), "b'Hello Kafka!'\n")
    finally:
        consumer.kill()


def response_times(packages):
    topic = TopicPartition("response_times", 0)
    consumer = KafkaConsumer(bootstrap_servers=f"localhost:{PORT}")
    known = consumer.partitions_for_topic(topic.topic)
    first = consumer.end_offsets([topic])[topic] if known else 0
    finish(start("response_times.py", packages))
    consumer.assign([topic])
    consumer.seek(topic, first)
    values = []

    def poll():
        for records in consumer.poll(timeout_ms=200).values():
            values.extend(record.value.decode() for record in records)
        return len(values) >= 100

    wait_for("100 response times", poll)
    consumer.close()
    expect("how many", len(values), 100)
    for value in values:
        if not 0.1 <= float(value) < 5 or str(float(value)) != value:
            raise Failed(f"{value!r} is no response time")


def scenarios():
    try:
        relay(sys.argv[1])
    except Failed as error:
        reason = str(error)

        def refuse(*_):
            raise Failed(reason)

        return {"message-queue": refuse, "response-times": refuse}
    return {
        "message-queue": lambda *_: message_queue(NEWEST),
        "message-queue-old": lambda *_: message_queue(OLD),
        "response-times": lambda *_: response_times(NEWEST),
        "response-times-old": lambda *_: response_times(OLD),
    }


run(scenarios())
