//! rdkafka: librdkafka under Rust.

mod scenario;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use futures_executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};
use scenario::{expect, run, text, wait_for, Outcome, Scenario};

const CALL_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

const SCENARIOS: &[Scenario] = &[
    ("produce-consume", produce_consume),
    ("idempotent", idempotent),
    ("group-rebalance", group_rebalance),
    ("admin", admin),
    ("errors", errors),
];

fn main() {
    run(SCENARIOS)
}

type Admin = AdminClient<DefaultClientContext>;

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CALL_LIMIT)).operation_timeout(Some(CALL_LIMIT))
}

fn config(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

fn new_topic<'a>(topic: &'a str, partitions: i32) -> NewTopic<'a> {
    NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
}

fn create_topic(admin: &Admin, topic: &NewTopic) -> Result<(), RDKafkaErrorCode> {
    let results = block_on(admin.create_topics([topic], &options())).expect("creating a topic");
    results[0].as_ref().map(|_| ()).map_err(|(_, code)| *code)
}

fn create(bootstrap: &str, topic: &NewTopic) -> Outcome<Admin> {
    let admin: Admin = config(bootstrap, &[]).create().map_err(text)?;
    create_topic(&admin, topic).map_err(text)?;
    Ok(admin)
}

/// What became of the records: partition and offset, or the error.
#[derive(Default)]
struct Deliveries(Mutex<Vec<Result<(i32, i64), KafkaError>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult, _: ()) {
        let delivery = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().unwrap().push(delivery);
    }
}

type Writer = BaseProducer<Deliveries>;

fn new_producer(bootstrap: &str, settings: &[(&str, &str)]) -> Outcome<Writer> {
    config(bootstrap, settings).create_with_context(Deliveries::default()).map_err(text)
}

fn flush(producer: &Writer) -> Result<Vec<(i32, i64)>, KafkaError> {
    producer.flush(CALL_LIMIT)?;
    let mut placed =
        std::mem::take(&mut *producer.context().0.lock().unwrap()).into_iter().collect::<Result<Vec<_>, _>>()?;
    placed.sort();
    Ok(placed)
}

#[derive(Clone, Debug, PartialEq)]
struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: i64,
}

/// Records with every kind of key, value and headers.
fn samples(name: &str) -> Vec<Record> {
    let some = |bytes: &[u8]| Some(bytes.to_vec());
    let keys = [None, some(b""), some(b"key"), some("ключ".as_bytes()), some(&[0, 255])];
    let long = format!("{name} ").repeat(2000);
    let all: Vec<u8> = (0..=255).collect();
    let values = [some(b"value"), None, some(b""), some(&all), some(long.as_bytes())];
    let header = |name: &str, value: Option<Vec<u8>>| (name.to_string(), value);
    let headers = [
        vec![],
        vec![header("trace", some(b"1")), header("trace", some(b"2"))],
        vec![header("empty", some(b"")), header("null", None), header("ключ", some("значение".as_bytes()))],
    ];
    (0..20)
        .map(|i| Record {
            key: keys[i % keys.len()].clone(),
            value: values[i % values.len()].clone(),
            headers: headers[i % headers.len()].clone(),
            timestamp: 1_600_000_000_000 + i as i64 * 1000,
        })
        .collect()
}

fn produce_consume(bootstrap: &str, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-produce-consume");
    create(bootstrap, &new_topic(&topic, 2))?;
    let mut wanted = [vec![], vec![]];
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let producer = new_producer(bootstrap, &[("compression.type", codec), ("linger.ms", "20")])?;
        for (i, record) in samples(codec).into_iter().enumerate() {
            let headers = record
                .headers
                .iter()
                .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: value.as_ref() }));
            let mut out = BaseRecord::to(&topic).partition(i as i32 % 2).timestamp(record.timestamp).headers(headers);
            out.key = record.key.as_deref();
            out.payload = record.value.as_deref();
            producer.send(out).map_err(|(error, _)| text(error))?;
            wanted[i % 2].push(record);
        }
        expect("number of deliveries", flush(&producer).map_err(text)?.len(), 20)?;
    }
    for (partition, records) in wanted.into_iter().enumerate() {
        let read = read_partition(bootstrap, &topic, partition as i32, records.len())?;
        expect(&format!("records of {partition}"), read, records)?;
    }
    Ok(())
}

fn new_consumer(bootstrap: &str, group: &str) -> Outcome<BaseConsumer> {
    let settings = [
        ("group.id", group),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("heartbeat.interval.ms", "300"),
        ("fetch.wait.max.ms", "100"),
    ];
    config(bootstrap, &settings).create().map_err(text)
}

fn read_partition(bootstrap: &str, topic: &str, partition: i32, count: usize) -> Outcome<Vec<Record>> {
    let consumer = new_consumer(bootstrap, "not-joined")?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, Offset::Beginning).map_err(text)?;
    consumer.assign(&assignment).map_err(text)?;
    let mut records = vec![];
    wait_for(&format!("{count} records of {partition}"), || {
        if let Some(message) = consumer.poll(POLL) {
            let message = message.map_err(text)?;
            expect("offset", message.offset(), records.len() as i64)?;
            let headers = message.headers().map(|headers| headers.iter().map(owned).collect());
            records.push(Record {
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: headers.unwrap_or_default(),
                timestamp: message.timestamp().to_millis().unwrap_or(-1),
            });
        }
        Ok(records.len() >= count)
    })?;
    Ok(records)
}

fn owned(header: Header<&[u8]>) -> (String, Option<Vec<u8>>) {
    (header.key.to_string(), header.value.map(<[u8]>::to_vec))
}

fn idempotent(bootstrap: &str, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-idempotent");
    create(bootstrap, &new_topic(&topic, 1))?;
    let producer = new_producer(bootstrap, &[("enable.idempotence", "true"), ("batch.num.messages", "20")])?;
    let values: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    for value in &values {
        producer.send(BaseRecord::<(), _>::to(&topic).payload(value)).map_err(|(error, _)| text(error))?;
    }
    let placed = flush(&producer).map_err(text)?;
    expect("deliveries", placed, (0..1000).map(|offset| (0, offset)).collect())?;
    let read = read_partition(bootstrap, &topic, 0, values.len())?;
    let read: Vec<String> = read.into_iter().map(|r| String::from_utf8(r.value.unwrap()).unwrap()).collect();
    expect("records", read, values)
}

type Seen = BTreeSet<(i32, i64, String)>;

struct Member {
    consumer: BaseConsumer,
    seen: Vec<(i32, i64, String)>,
}

impl Member {
    fn join(bootstrap: &str, group: &str, topic: &str) -> Outcome<Member> {
        let consumer = new_consumer(bootstrap, group)?;
        consumer.subscribe(&[topic]).map_err(text)?;
        Ok(Member { consumer, seen: vec![] })
    }

    /// Takes what is there; gives back the number of partitions that the member has.
    fn poll(&mut self) -> Outcome<usize> {
        if let Some(message) = self.consumer.poll(POLL) {
            let message = message.map_err(text)?;
            // first the commit: what the test has seen is never read again after a rebalance
            self.consumer.commit_message(&message, CommitMode::Sync).map_err(text)?;
            let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
            self.seen.push((message.partition(), message.offset(), value));
        }
        Ok(self.consumer.assignment().map_err(text)?.count())
    }
}

/// The records that the members have seen, each of which must be there once.
fn seen_by(members: &[&Member]) -> Outcome<Seen> {
    let all: Vec<_> = members.iter().flat_map(|member| member.seen.iter().cloned()).collect();
    let set: Seen = all.iter().cloned().collect();
    expect("records seen twice", all.len() - set.len(), 0)?;
    Ok(set)
}

fn group_rebalance(bootstrap: &str, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-group-rebalance");
    let group = format!("{prefix}-group");
    create(bootstrap, &new_topic(&topic, 4))?;
    let producer = new_producer(bootstrap, &[])?;
    let send = |numbers: std::ops::Range<i32>| -> Outcome<Seen> {
        let mut sent = Seen::new();
        for n in numbers {
            let value = n.to_string();
            let record = BaseRecord::<(), _>::to(&topic).payload(&value).partition(n % 4);
            producer.send(record).map_err(|(error, _)| text(error))?;
            sent.insert((n % 4, i64::from(n / 4), value));
        }
        flush(&producer).map_err(text)?;
        Ok(sent)
    };

    let mut first = Member::join(bootstrap, &group, &topic)?;
    let mut second = Member::join(bootstrap, &group, &topic)?;
    wait_for("two members share four partitions", || Ok((first.poll()?, second.poll()?) == (2, 2)))?;
    let sent = send(0..40)?;
    wait_for("40 records in both", || {
        first.poll()?;
        second.poll()?;
        Ok(first.seen.len() + second.seen.len() >= 40)
    })?;
    expect("records in both", seen_by(&[&first, &second])?, sent)?;
    drop(second);
    wait_for("the first takes over", || Ok(first.poll()? == 4))?;
    first.seen.clear();
    let sent = send(40..60)?;
    wait_for("20 records in the first", || Ok(first.poll()? == 4 && first.seen.len() >= 20))?;
    expect("records after the take-over", seen_by(&[&first])?, sent)?;
    drop(first);
    let sent = send(60..68)?;
    let mut third = Member::join(bootstrap, &group, &topic)?;
    wait_for("8 records in the third", || Ok(third.poll()? == 4 && third.seen.len() >= 8))?;
    expect("records after the committed offsets", seen_by(&[&third])?, sent)?;
    let committed = third.consumer.committed(CALL_LIMIT).map_err(text)?;
    let offsets: Vec<_> = committed.elements().iter().map(|part| part.offset()).collect();
    expect("committed offsets", offsets, vec![Offset::Offset(17); 4])
}

fn admin(bootstrap: &str, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-admin");
    let client = create(bootstrap, &new_topic(&topic, 2).set("retention.ms", "123456"))?;
    let partitions = || -> Outcome<Vec<i32>> {
        let metadata = client.inner().fetch_metadata(Some(&topic), CALL_LIMIT).map_err(text)?;
        let partitions = metadata.topics()[0].partitions();
        for part in partitions {
            let is_broker = metadata.brokers().iter().any(|broker| broker.id() == part.leader());
            expect("leader and replicas", (is_broker, part.replicas()), (true, &[part.leader()][..]))?;
        }
        Ok(partitions.iter().map(|part| part.id()).collect())
    };
    expect("partitions", partitions()?, vec![0, 1])?;
    let more = NewPartitions::new(&topic, 3);
    block_on(client.create_partitions([&more], &options())).map_err(text)?.remove(0).map_err(text)?;
    wait_for("three partitions", || Ok(partitions()? == [0, 1, 2]))?;
    admin_configs(&client, &topic)?;
    admin_records(bootstrap, &client, &topic)?;
    admin_groups(bootstrap, &client, &topic, &format!("{prefix}-admin-group"))?;
    delete_topic(&client, &topic).map_err(text)?;
    wait_for("deletion", || {
        let metadata = client.inner().fetch_metadata(None, CALL_LIMIT).map_err(text)?;
        Ok(metadata.topics().iter().all(|listed| listed.name() != topic))
    })
}

fn delete_topic(client: &Admin, topic: &str) -> Result<(), RDKafkaErrorCode> {
    let results = block_on(client.delete_topics(&[topic], &options())).expect("deleting a topic");
    results[0].as_ref().map(|_| ()).map_err(|(_, code)| *code)
}

fn admin_configs(client: &Admin, topic: &str) -> Outcome {
    let resource = ResourceSpecifier::Topic(topic);
    let value_of = |name: &str| -> Outcome<Option<String>> {
        let described = block_on(client.describe_configs([&resource], &options())).map_err(text)?;
        let config = described.into_iter().next().unwrap().map_err(text)?;
        Ok(config.get(name).and_then(|entry| entry.value.clone()))
    };
    expect("configured value", value_of("retention.ms")?.as_deref(), Some("123456"))?;
    let change = AlterConfig::new(resource).set("max.message.bytes", "5000");
    let altered = block_on(client.alter_configs([&change], &options())).map_err(text)?;
    expect("altering", altered.into_iter().all(|result| result.is_ok()), true)?;
    wait_for("the altered value", || Ok(value_of("max.message.bytes")?.as_deref() == Some("5000")))?;
    // the old AlterConfigs replaces: what it does not name returns to the default
    expect("the value that was not named", value_of("retention.ms")?.as_deref(), Some("604800000"))
}

fn admin_records(bootstrap: &str, client: &Admin, topic: &str) -> Outcome {
    let producer = new_producer(bootstrap, &[])?;
    for n in 0..10 {
        let record = BaseRecord::<(), _>::to(topic).payload("x").partition(0).timestamp(1000 + n);
        producer.send(record).map_err(|(error, _)| text(error))?;
    }
    flush(&producer).map_err(text)?;
    let at = |offset| {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, offset).map_err(text)?;
        Ok::<_, String>(list)
    };
    let deleted = block_on(client.delete_records(&at(Offset::Offset(4))?, &options())).map_err(text)?;
    expect("low watermark", deleted.elements()[0].offset(), Offset::Offset(4))?;
    let consumer = new_consumer(bootstrap, "not-joined")?;
    let watermarks = consumer.fetch_watermarks(topic, 0, CALL_LIMIT).map_err(text)?;
    expect("watermarks", watermarks, (4, 10))?;
    let found = consumer.offsets_for_times(at(Offset::Offset(1007))?, CALL_LIMIT).map_err(text)?;
    expect("offset for time", found.elements()[0].offset(), Offset::Offset(7))
}

fn admin_groups(bootstrap: &str, client: &Admin, topic: &str, group: &str) -> Outcome {
    let mut member = Member::join(bootstrap, group, topic)?;
    wait_for("six records", || Ok(member.poll()? == 3 && member.seen.len() >= 6))?;
    let list = client.inner().fetch_group_list(Some(group), CALL_LIMIT).map_err(text)?;
    let described = &list.groups()[0];
    let summary = (described.name(), described.state(), described.protocol_type(), described.members().len());
    expect("group", summary, (group, "Stable", "consumer", 1))?;
    let remove = || {
        let results = block_on(client.delete_groups(&[group], &options())).expect("deleting a group");
        results[0].as_ref().map(|_| ()).map_err(|(_, code)| *code)
    };
    expect("deletion of a group in use", remove(), Err(RDKafkaErrorCode::NonEmptyGroup))?;
    drop(member);
    let all = client.inner().fetch_group_list(None, CALL_LIMIT).map_err(text)?;
    expect("listed", all.groups().iter().filter(|listed| listed.name() == group).count(), 1)?;
    expect("deletion", remove(), Ok(()))?;
    expect("second deletion", remove(), Err(RDKafkaErrorCode::GroupIdNotFound))
}

fn errors(bootstrap: &str, prefix: &str) -> Outcome {
    let topic = format!("{prefix}-errors");
    let unknown = format!("{prefix}-unknown");
    let invalid = format!("{prefix} with blanks");
    let client = create(bootstrap, &new_topic(&topic, 1))?;
    let producer = new_producer(bootstrap, &[("message.max.bytes", "4000000")])?;
    let send = |topic: &str, size| {
        let payload = vec![0u8; size];
        producer.send(BaseRecord::<(), _>::to(topic).payload(&payload)).map_err(|(error, _)| error)?;
        flush(&producer)
    };
    let refused = |code| Err(KafkaError::MessageProduction(code));
    expect("a record of 2 MB", send(&topic, 2_000_000), refused(RDKafkaErrorCode::MessageSizeTooLarge))?;
    expect("the next record", send(&topic, 5), Ok(vec![(0, 0)]))?;
    expect("a record for an invalid name", send(&invalid, 5), refused(RDKafkaErrorCode::InvalidTopic))?;
    let created = |topic: &str| create_topic(&client, &new_topic(topic, 1));
    expect("an existing topic", created(&topic), Err(RDKafkaErrorCode::TopicAlreadyExists))?;
    expect("an invalid name", created(&invalid), Err(RDKafkaErrorCode::InvalidTopic))?;
    let deleted = delete_topic(&client, &unknown);
    expect("deleting an unknown topic", deleted, Err(RDKafkaErrorCode::UnknownTopicOrPartition))?;
    let consumer = new_consumer(bootstrap, &format!("{prefix}-reader"))?; // which asks for no creation
    consumer.subscribe(&[&unknown]).map_err(text)?;
    wait_for("the consumer's error", || match consumer.poll(POLL) {
        None => Ok(false),
        Some(Ok(_)) => Err("the consumer read from an unknown topic".to_string()),
        Some(Err(error)) => {
            let wanted = RDKafkaErrorCode::UnknownTopicOrPartition;
            expect("the consumer's error", error.rdkafka_error_code(), Some(wanted)).map(|()| true)
        }
    })
}
