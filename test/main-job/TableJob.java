import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/**
 * TableJob BOOTSTRAP LINES LOG TABLE TOTAL: copies each line from LINES to the same partition of LOG, and keeps in TABLE for each last word of a line how many lines it ends, how
 * many bytes they have, and the number and checksum of the newest. Lines, table and read positions go in one transaction each. Whoever takes over goes on from the table.
 */
public final class TableJob {
  private static String bootstrap, lines, log, table;

  private record State(long count, long bytes, long newest, long checksum) {
    static final State NONE = new State(0, 0, 0, 0);

    static State of(String text) {
      var parts = text.split(" ");
      return new State(Long.parseLong(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2]), Long.parseLong(parts[3]));
    }

    State with(long number, byte[] line) {
      boolean isNewest = number > newest;
      return new State(count + 1, bytes + line.length, isNewest ? number : newest, isNewest ? checksumOf(line) : checksum);
    }

    String text() {
      return count + " " + bytes + " " + newest + " " + checksum;
    }

    private static long checksumOf(byte[] line) {
      var checksum = new CRC32();
      checksum.update(line);
      return checksum.getValue();
    }
  }

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    lines = args[1];
    log = args[2];
    table = args[3];
    long total = Long.parseLong(args[4]);
    for (boolean isDone = false; !isDone; ) {
      try {
        isDone = work(total);
      } catch (KafkaException error) {
        System.err.println("begins again from the table: " + error);
        Thread.sleep(200);
      }
    }
  }

  private static boolean work(long total) {
    try (var producer = producer(); var consumer = consumer("group.id", "table-job", "group.instance.id", "only", "session.timeout.ms", "10000", "max.poll.records", "500")) {
      // Ends what the one before left open; the table and the positions are whole from here on.
      producer.initTransactions();
      var states = restore();
      long done = states.values().stream().mapToLong(State::count).sum();
      consumer.subscribe(List.of(lines));
      while (done < total) {
        var records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) continue;
        producer.beginTransaction();
        var changed = new LinkedHashSet<String>();
        var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
        for (var record : records) {
          producer.send(new ProducerRecord<>(log, record.partition(), record.key(), record.value()));
          String key = lastWord(record.value());
          states.put(key, states.getOrDefault(key, State.NONE).with(Long.parseLong(text(record.key())), record.value()));
          changed.add(key);
          offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        for (String key : changed) producer.send(new ProducerRecord<>(table, bytes(key), bytes(states.get(key).text())));
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
        done += records.count();
      }
      return true;
    }
  }

  private static Map<String, State> restore() {
    var states = new HashMap<String, State>();
    try (var consumer = consumer()) {
      var partitions = consumer.partitionsFor(table).stream().map(info -> new TopicPartition(table, info.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      var ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue()))
        for (var record : consumer.poll(Duration.ofMillis(200))) states.put(text(record.key()), State.of(text(record.value())));
    }
    return states;
  }

  private static String lastWord(byte[] line) {
    String text = text(line);
    return text.substring(text.lastIndexOf(' ') + 1);
  }

  /** Any bytes, one character each. */
  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Properties properties(String... pairs) {
    var properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("reconnect.backoff.max.ms", "500");
    for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
    return properties;
  }

  private static KafkaProducer<byte[], byte[]> producer() {
    var properties = properties("transactional.id", "table-job", "transaction.timeout.ms", "30000", "compression.type", "lz4", "linger.ms", "5");
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String... pairs) {
    var properties = properties(pairs);
    properties.put("isolation.level", "read_committed");
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }
}
