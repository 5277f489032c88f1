"""kcat by its command line. It creates topics only by producing to them, so each has one partition."""

import json
import re
import signal
import subprocess
import tempfile
import threading
import time

from scenario import Failed, expect, run, wait_for

COMMAND_LIMIT_S = 15


def command(bootstrap, *arguments, input=None, code=0):
    """Runs kcat; gives back stdout, or stderr when it is to fail with `code`."""
    try:
        done = subprocess.run(
            ["kcat", "-b", bootstrap, *arguments],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            timeout=COMMAND_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"kcat {' '.join(arguments)}: still running after {COMMAND_LIMIT_S} s") from None
    if done.returncode != code:
        raise Failed(f"kcat {' '.join(arguments)}: ended with {done.returncode}: {done.stderr.decode()[-300:]}")
    return done.stderr.decode() if code else done.stdout


def produce_consume(bootstrap, prefix):
    topic, began = f"{prefix}-produce-consume", int(time.time() * 1000)
    lines = [("k1", "value"), (None, "no key"), ("null", None), ("ключ", "значение"), ("long", "abc " * 5000)]
    text = "\n".join(f"{key or ''}|{value or ''}" for key, value in lines) + "\n"
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        headers = ["-H", f"codec={codec}", "-H", "codec=again", "-H", "empty=", "-H", "null"]
        command(bootstrap, "-P", "-t", topic, "-z", codec, "-K|", "-Z", *headers, input=text.encode())
    out = command(bootstrap, "-C", "-t", topic, "-J", "-e", "-q", "-o", "beginning")
    records = [json.loads(line) for line in out.splitlines()]
    wanted = [
        (offset, key, value, ["codec", codecs[offset // len(lines)], "codec", "again", "empty", "", "null", None])
        for offset, (key, value) in enumerate(lines * len(codecs))
    ]
    expect("records", [(r["offset"], r["key"], r["payload"], r["headers"]) for r in records], wanted)
    for record in records:
        expect("kind of time", record["tstype"], "create")
        expect(f"a time since the start ({record['ts']})", began <= record["ts"] <= time.time() * 1000, True)
    whole_file(bootstrap, topic)
    formats(bootstrap, topic, records)


def whole_file(bootstrap, topic):
    """A file as one record: any bytes come back."""
    content = bytes(range(256)) * 3000
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        command(bootstrap, "-P", "-t", topic, "-z", "lz4", "-k", "file", file.name)
    out = command(bootstrap, "-C", "-t", topic, "-o", "-1", "-e", "-q", "-f", "%k %S %s")
    expect("the file", out, f"file {len(content)} ".encode() + content)


def formats(bootstrap, topic, records):
    def consume(*arguments):
        return command(bootstrap, "-C", "-t", topic, "-q", *arguments).decode()

    out = consume("-o", "1", "-c", "2", "-f", "%t|%p|%o|%K|%k|%S|%T|%h\\n")
    times, headers = [record["ts"] for record in records], "codec=none,codec=again,empty=,null=NULL"
    expect("formatted", out, f"{topic}|0|1|-1||6|{times[1]}|{headers}\n{topic}|0|2|4|null|-1|{times[2]}|{headers}\n")
    # from the time of the last codec's first record on
    found = consume("-o", f"s@{times[20]}", "-c", "1", "-f", "%o")
    first = next(offset for offset, at in enumerate(times) if at >= times[20])
    expect("first offset since a time", found, str(first))
    expect("the last two", consume("-o", "-2", "-e", "-f", "%o "), "24 25 ")


def idempotent(bootstrap, prefix):
    topic = f"{prefix}-idempotent"
    text = "".join(f"{n}\n" for n in range(1000)).encode()
    options = ["-X", "enable.idempotence=true", "-X", "batch.num.messages=20"]
    command(bootstrap, "-P", "-t", topic, *options, input=text)
    expect("records", command(bootstrap, "-C", "-t", topic, "-e", "-q"), text)


class Member:
    """A kcat in a group; what it prints is gathered until it leaves."""

    def __init__(self, bootstrap, group, topics):
        options = {
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "roundrobin",  # over the topics, as each has one partition
            "heartbeat.interval.ms": "300",
            "auto.commit.interval.ms": "100",
        }
        settings = [part for name, value in options.items() for part in ("-X", f"{name}={value}")]
        self.process = subprocess.Popen(
            ["kcat", "-b", bootstrap, "-G", group, "-u", *settings, "-f", "%t %o %s\\n", *topics],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.records = []
        self.partitions = set()
        self.said = []
        for task in (self.read_records, self.read_said):
            threading.Thread(target=task, daemon=True).start()

    def read_records(self):
        for line in self.process.stdout:
            self.records.append(line.strip())

    def read_said(self):
        for line in self.process.stderr:
            self.said.append(line)
            if " rebalanced " in line:
                self.partitions = set(re.findall(r"\S+ \[\d+\]", line.partition(": assigned: ")[2]))

    def leave(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"a member did not leave in 10 s; it said {self.said[-3:]}") from None
        expect(f"exit code of a member that said {self.said[-3:]}", self.process.returncode, 0)


def group_rebalance(bootstrap, prefix):
    topics = [f"{prefix}-group-rebalance-{n}" for n in range(4)]
    group, members = f"{prefix}-group", []

    def send(first, count):
        for topic in topics:
            lines = "".join(f"{n}\n" for n in range(first, first + count))
            command(bootstrap, "-P", "-t", topic, input=lines.encode())
        return sorted(f"{topic} {n} {n}" for topic in topics for n in range(first, first + count))

    def join():
        members.append(Member(bootstrap, group, topics))
        return members[-1]

    try:
        sent = send(0, 10)
        first, second = join(), join()
        wait_for("two members share four", lambda: [len(m.partitions) for m in (first, second)] == [2, 2])
        expect("partitions of both", first.partitions | second.partitions, {f"{topic} [0]" for topic in topics})
        wait_for("40 records in both", lambda: set(sent) <= set(first.records + second.records))
        sent = send(10, 10)
        wait_for("80 records in both", lambda: set(sent) <= set(first.records + second.records))
        expect("number of records in both", len(first.records + second.records), 80)
        second.leave()
        wait_for("the first takes over", lambda: len(first.partitions) == 4)
        del first.records[:]
        sent = send(20, 5)
        wait_for("20 records in the first", lambda: len(first.records) >= 20)
        expect("records after the take-over", sorted(first.records), sent)
        first.leave()
        sent = send(25, 2)
        third = join()
        wait_for("8 records in the third", lambda: len(third.records) >= 8)
        expect("records after the committed offsets", sorted(third.records), sent)
        third.leave()
    finally:
        for member in members:
            member.process.kill()


def admin(bootstrap, prefix):
    """What kcat has of it: metadata and offsets."""
    topic = f"{prefix}-admin"
    command(bootstrap, "-P", "-t", topic, input=b"1\n2\n3\n")
    metadata = json.loads(command(bootstrap, "-L", "-J", "-t", topic))
    node = metadata["topics"][0]["partitions"][0]["leader"]
    expect("the leader is a broker", node in [broker["id"] for broker in metadata["brokers"]], True)
    replicas = [{"id": node}]
    partition = {"partition": 0, "leader": node, "replicas": replicas, "isrs": replicas}
    expect("metadata", metadata["topics"], [{"topic": topic, "partitions": [partition]}])
    everything = json.loads(command(bootstrap, "-L", "-J"))
    expect("listed", [t["topic"] for t in everything["topics"]].count(topic), 1)
    for time_asked, offset in [(-2, 0), (-1, 3), (0, 0), (int(time.time() * 1000) + 60_000, -1)]:
        out = command(bootstrap, "-Q", "-t", f"{topic}:0:{time_asked}")
        expect(f"offset at {time_asked}", out.decode(), f"{topic} [0] offset {offset}\n")


def errors(bootstrap, prefix):
    topic = f"{prefix}-errors"

    def expect_said(what, text, *arguments, input=None):
        said = command(bootstrap, *arguments, input=input, code=1)
        if text not in said:
            raise Failed(f"{what}: kcat said {said[-200:]!r}, not {text!r}")

    command(bootstrap, "-P", "-t", topic, input=b"first\n")
    unknown = f"{prefix}-unknown"
    no_creation = ["-X", "allow.auto.create.topics=false"]
    expect_said("reading an unknown topic", "Broker: Unknown topic or partition", "-C", "-t", unknown, "-e", *no_creation)
    expect_said("an unknown partition", "Local: Unknown partition", "-P", "-t", topic, "-p", "9", input=b"x\n")
    expect_said("an invalid name", "Broker: Invalid topic", "-P", "-t", f"{prefix} with blanks", input=b"x\n")
    large = ["-X", "message.max.bytes=4000000", "-D", "|"]
    expect_said("2 MB", "Broker: Message size too large", "-P", "-t", topic, *large, input=bytes(2_000_000))
    expect_said("an offset out of range", "Broker: Offset out of range", "-C", "-t", topic, "-o", "99", "-e",
                "-X", "auto.offset.reset=error")  # fmt: skip
    expect("what was kept", command(bootstrap, "-C", "-t", topic, "-e", "-q"), b"first\n")


run({
    "produce-consume": produce_consume,
    "idempotent": idempotent,
    "group-rebalance": group_rebalance,
    "admin": admin,
    "errors": errors,
})
