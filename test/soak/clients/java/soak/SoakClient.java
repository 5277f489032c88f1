package soak;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * SoakClient BOOTSTRAP NAME FILE PLAIN RATE TRANSACTIONAL GROUP: an idempotent producer, two members of a group and a reader over the plain topics
 * (`topic:partitions,…`), and a transactional producer with a reader of committed records over the transactional ones (`-` for none), until stdin ends.
 */
public final class SoakClient {
  private static String bootstrap, name, group;
  private static History history;
  private static int rate;
  private static volatile boolean stopping;
  private static final AtomicInteger numbers = new AtomicInteger();
  private static final byte[] PADDING = new byte[150];

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    name = args[1];
    history = new History(args[2]);
    var plain = partitions(args[3]);
    rate = Integer.parseInt(args[4]);
    group = args[6];
    new Random(name.hashCode()).nextBytes(PADDING);
    var threads = new ArrayList<Thread>();
    threads.add(start("p", () -> produce(plain)));
    for (String member : List.of("g1", "g2")) threads.add(start(member, () -> consumeInGroup(name + "." + member, plain)));
    threads.add(start("r", () -> read(name + ".r", plain, "read_uncommitted")));
    if (!args[5].equals("-")) {
      var transactional = partitions(args[5]);
      threads.add(start("t", () -> transact(transactional)));
      threads.add(start("x", () -> copy(plain, transactional)));
      threads.add(start("c", () -> read(name + ".c", transactional, "read_committed")));
    }
    while (System.in.read() >= 0) continue;
    stopping = true;
    for (Thread thread : threads) thread.join(90_000);
    System.exit(0);
  }

  private interface Work { void run() throws Exception; }

  private static Thread start(String role, Work work) {
    var thread = new Thread(() -> {
      try {
        work.run();
      } catch (Throwable error) {
        System.err.println(name + "." + role + " ended: " + error);
        error.printStackTrace();
        System.exit(1);
      }
    }, role);
    thread.start();
    return thread;
  }

  private static List<TopicPartition> partitions(String list) {
    var all = new ArrayList<TopicPartition>();
    for (String item : list.split(",")) {
      var parts = item.split(":");
      for (int p = 0; p < Integer.parseInt(parts[1]); p++) all.add(new TopicPartition(parts[0], p));
    }
    return all;
  }

  private static Properties properties(Object... pairs) {
    var properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("request.timeout.ms", "5000");
    properties.put("reconnect.backoff.max.ms", "500");
    properties.put("metadata.recovery.rebootstrap.trigger.ms", "3000");
    for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
    return properties;
  }

  private static KafkaProducer<byte[], String> producer(Object... pairs) {
    var codecs = List.of("none", "gzip", "snappy", "lz4", "zstd");
    var properties = properties(pairs);
    properties.put("compression.type", codecs.get(new Random().nextInt(codecs.size())));
    properties.put("linger.ms", "5");
    properties.put("delivery.timeout.ms", "120000");
    properties.put("max.block.ms", "60000");
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new StringSerializer());
  }

  private static void produce(List<TopicPartition> all) throws Exception {
    for (int life = 1; !stopping; life++) {
      String client = name + ".p" + life;
      var waiting = new AtomicInteger();
      try (var producer = producer()) {
        while (!stopping) {
          for (int i = 0; i < Math.max(1, rate / 20) && waiting.get() < 1000; i++) {
            var to = all.get(numbers.get() % all.size());
            waiting.incrementAndGet();
            send(producer, client, to, null, waiting::decrementAndGet);
          }
          Thread.sleep(50);
        }
      } catch (KafkaException error) {
        System.err.println(client + " ended: " + error);
      }
    }
  }

  private static void send(KafkaProducer<byte[], String> producer, String client, TopicPartition to, String transaction, Runnable done) {
    String value = client + "-" + numbers.incrementAndGet();
    var fields = new ArrayList<Object>(List.of(
        "id", History.quoted(value), "topic", History.quoted(to.topic()), "partition", to.partition(),
        "values", "[" + History.quoted(value) + "]", "idempotent", true, "ordered", true));
    if (transaction != null) fields.addAll(List.of("transaction", History.quoted(transaction)));
    history.line("send", client, fields.toArray());
    producer.send(new ProducerRecord<>(to.topic(), to.partition(), PADDING, value), (metadata, error) -> {
      done.run();
      if (error == null) history.line("sent", client, "id", History.quoted(value), "outcome", "\"acked\"", "baseOffset", metadata.hasOffset() ? metadata.offset() : -1);
      else history.line("sent", client, "id", History.quoted(value), "outcome", "\"unknown\"", "error", History.quoted(String.valueOf(error)));
    });
  }

  private static KafkaConsumer<byte[], String> consumer(Object... pairs) {
    var properties = properties(pairs);
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    properties.put("default.api.timeout.ms", "60000");
    properties.put("session.timeout.ms", "10000");
    return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new StringDeserializer());
  }

  private static void seek(String client, TopicPartition at, long position) {
    history.line("seek", client, "topic", History.quoted(at.topic()), "partition", at.partition(), "position", position);
  }

  /** Tells what a poll brought and moves the positions on. */
  private static void tell(String client, double began, ConsumerRecords<byte[], String> records, Map<TopicPartition, Long> next, String isolation, String group) {
    for (TopicPartition from : records.partitions()) {
      var seen = new StringJoiner(",", "[", "]");
      long position = next.get(from);
      for (var record : records.records(from)) {
        seen.add("[" + record.offset() + "," + History.quoted(record.value()) + "]");
        next.put(from, record.offset() + 1);
      }
      var fields = new ArrayList<Object>(List.of(
          "began", String.format(Locale.ROOT, "%.3f", began), "topic", History.quoted(from.topic()), "partition", from.partition(),
          "position", position, "records", seen, "isolation", History.quoted(isolation)));
      if (group != null) fields.addAll(List.of("group", History.quoted(group)));
      history.line("read", client, fields.toArray());
    }
  }

  private static void read(String client, List<TopicPartition> all, String isolation) {
    try (var consumer = consumer("isolation.level", isolation)) {
      consumer.assign(all);
      consumer.seekToBeginning(all);
      var next = new HashMap<TopicPartition, Long>();
      for (var at : all) {
        next.put(at, 0L);
        seek(client, at, 0);
      }
      while (!stopping) {
        double began = History.now();
        tell(client, began, consumer.poll(Duration.ofMillis(200)), next, isolation, null);
      }
    }
  }

  private static String offsetsJson(Map<TopicPartition, Long> offsets) {
    var json = new StringJoiner(",", "[", "]");
    offsets.forEach((at, offset) -> json.add("[" + History.quoted(at.topic()) + "," + at.partition() + "," + offset + "]"));
    return json.toString();
  }

  private static Map<TopicPartition, OffsetAndMetadata> forCommit(Map<TopicPartition, Long> offsets) {
    var commit = new HashMap<TopicPartition, OffsetAndMetadata>();
    offsets.forEach((at, offset) -> commit.put(at, new OffsetAndMetadata(offset)));
    return commit;
  }

  /** What a member knows of its partitions, and tells when they come and go. */
  private static final class Member implements ConsumerRebalanceListener {
    final String client, group;
    final Consumer<?, ?> consumer;
    final Map<TopicPartition, Long> next = new HashMap<>();
    final Map<TopicPartition, Long> uncommitted = new HashMap<>();

    Member(String client, String group, Consumer<?, ?> consumer) {
      this.client = client;
      this.group = group;
      this.consumer = consumer;
    }

    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      for (var at : partitions) {
        long position = consumer.position(at);
        next.put(at, position);
        seek(client, at, position);
      }
      owns(next.keySet());
    }

    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      commit(Duration.ofSeconds(5));
      onPartitionsLost(partitions);
    }

    public void onPartitionsLost(Collection<TopicPartition> partitions) {
      for (var at : partitions) {
        next.remove(at);
        uncommitted.remove(at);
      }
      owns(next.keySet());
    }

    private void owns(Set<TopicPartition> partitions) {
      var json = new StringJoiner(",", "[", "]");
      for (var at : partitions) json.add("[" + History.quoted(at.topic()) + "," + at.partition() + "]");
      var metadata = consumer.groupMetadata();
      history.line("assigned", client, "group", History.quoted(group), "generation", metadata.generationId(), "member", History.quoted(metadata.memberId()), "partitions", json);
    }

    void commit(Duration limit) {
      if (uncommitted.isEmpty()) return;
      String id = History.quoted(client + "-commit-" + numbers.incrementAndGet());
      var metadata = consumer.groupMetadata();
      history.line("commit", client, "id", id, "group", History.quoted(group), "generation", metadata.generationId(), "member", History.quoted(metadata.memberId()), "offsets", offsetsJson(uncommitted));
      try {
        consumer.commitSync(forCommit(uncommitted), limit);
        history.line("committed", client, "id", id, "outcome", "\"acked\"");
        uncommitted.clear();
      } catch (KafkaException error) {
        history.line("committed", client, "id", id, "outcome", "\"unknown\"", "error", History.quoted(String.valueOf(error)));
      }
    }
  }

  private static void consumeInGroup(String client, List<TopicPartition> all) {
    try (var consumer = consumer("group.id", group, "client.id", client)) {
      var member = new Member(client, group, consumer);
      consumer.subscribe(all.stream().map(TopicPartition::topic).distinct().toList(), member);
      long lastCommit = System.nanoTime();
      while (!stopping) {
        double began = History.now();
        var records = consumer.poll(Duration.ofMillis(200));
        tell(client, began, records, member.next, "read_uncommitted", group);
        for (var at : records.partitions()) member.uncommitted.put(at, member.next.get(at));
        if (System.nanoTime() - lastCommit < 500_000_000L) continue;
        member.commit(Duration.ofSeconds(10));
        lastCommit = System.nanoTime();
      }
    }
  }

  /** Transactions of some records over the partitions; one in five is aborted. */
  private static void transact(List<TopicPartition> all) throws Exception {
    var random = new Random();
    for (int life = 1; !stopping; life++) {
      String client = name + ".t" + life;
      try (var producer = producer("transactional.id", group + "-t", "transaction.timeout.ms", "20000")) {
        producer.initTransactions();
        for (int n = 1; !stopping; n++) {
          String transaction = client + "-tx-" + n;
          history.line("begin", client, "transaction", History.quoted(transaction));
          producer.beginTransaction();
          for (int i = random.nextInt(20); i >= 0; i--) send(producer, client, all.get(random.nextInt(all.size())), transaction, () -> {});
          end(producer, client, transaction, random.nextInt(5) > 0);
          Thread.sleep(20);
        }
      } catch (KafkaException error) {
        System.err.println(client + " ended: " + error);
        Thread.sleep(500);
      }
    }
  }

  /** Answers whether it was committed. Throws what the producer does not survive. */
  private static boolean end(KafkaProducer<byte[], String> producer, String client, String transaction, boolean commit) {
    String id = History.quoted(transaction);
    if (commit) {
      // What cannot be sent cannot be committed; until this line nobody has asked for a commit.
      try {
        producer.flush();
        history.line("end", client, "transaction", id, "commit", true);
        retried(producer::commitTransaction);
        history.line("ended", client, "transaction", id, "outcome", "\"acked\"");
        return true;
      } catch (ProducerFencedException | InvalidProducerEpochException | OutOfOrderSequenceException error) {
        throw error;
      } catch (TimeoutException error) {
        throw error;
      } catch (KafkaException error) {
        System.err.println(transaction + " is aborted: " + error);
        history.line("ended", client, "transaction", id, "outcome", "\"unknown\"");
      }
    }
    history.line("end", client, "transaction", id, "commit", false);
    retried(producer::abortTransaction);
    history.line("ended", client, "transaction", id, "outcome", "\"acked\"");
    return false;
  }

  private static void retried(Runnable end) {
    for (int attempt = 1; ; attempt++) {
      try {
        end.run();
        return;
      } catch (TimeoutException error) {
        if (attempt == 3) throw error;
      }
    }
  }

  /** Reads from the plain topics as a member of a group, writes a record for each of them, and commits both as one. */
  private static void copy(List<TopicPartition> from, List<TopicPartition> to) throws Exception {
    String copying = group + "-copy";
    for (int life = 1; !stopping; life++) {
      String client = name + ".x" + life;
      try (var producer = producer("transactional.id", group + "-x", "transaction.timeout.ms", "20000");
          var consumer = consumer("group.id", copying, "client.id", client, "isolation.level", "read_committed", "max.poll.records", "50")) {
        producer.initTransactions();
        var member = new Member(client, copying, consumer);
        consumer.subscribe(from.stream().map(TopicPartition::topic).distinct().toList(), new ConsumerRebalanceListener() {
          public void onPartitionsAssigned(Collection<TopicPartition> partitions) { member.onPartitionsAssigned(partitions); }
          public void onPartitionsRevoked(Collection<TopicPartition> partitions) { member.onPartitionsLost(partitions); }
        });
        for (int n = 1; !stopping; n++) {
          double began = History.now();
          var records = consumer.poll(Duration.ofMillis(200));
          if (records.isEmpty()) continue;
          tell(client, began, records, member.next, "read_committed", copying);
          String transaction = client + "-tx-" + n;
          history.line("begin", client, "transaction", History.quoted(transaction));
          producer.beginTransaction();
          for (var record : records) send(producer, client, to.get((int) ((record.offset() + record.partition()) % to.size())), transaction, () -> {});
          var offsets = new HashMap<TopicPartition, Long>();
          for (var at : records.partitions()) offsets.put(at, member.next.get(at));
          var metadata = consumer.groupMetadata();
          String id = History.quoted(transaction + "-commit");
          history.line("commit", client, "id", id, "group", History.quoted(copying), "generation", metadata.generationId(), "member", History.quoted(metadata.memberId()), "offsets", offsetsJson(offsets), "transaction", History.quoted(transaction));
          producer.sendOffsetsToTransaction(forCommit(offsets), metadata);
          // They count when the transaction does.
          if (end(producer, client, transaction, true)) history.line("committed", client, "id", id, "outcome", "\"acked\"");
        }
      } catch (KafkaException error) {
        System.err.println(client + " ended: " + error);
        Thread.sleep(500);
      }
    }
  }
}
