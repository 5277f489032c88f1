package vectors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;

/** Main OUT.jsonl.gz SEED API-KEY…: what Kafka's classes say of the APIs with these keys and of the structures that groups embed. */
public final class Main {
    private static final int VALUES_PER_VERSION = 8;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final OutputStream out;
    private long seed;

    private Main(OutputStream out, long seed) {
        this.out = out;
        this.seed = seed;
    }

    public static void main(String[] arguments) throws Exception {
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(Path.of(arguments[0])))) {
            Main main = new Main(out, Long.parseLong(arguments[1]));
            for (int i = 2; i < arguments.length; i++) main.api(ApiMessageType.fromApiKey(Short.parseShort(arguments[i])));
            main.message("ConsumerProtocolSubscription", ConsumerProtocolSubscription.class, ConsumerProtocolSubscription.SCHEMAS, -1);
            main.message("ConsumerProtocolAssignment", ConsumerProtocolAssignment.class, ConsumerProtocolAssignment.SCHEMAS, -1);
            main.message("GroupMetadataValue", GroupMetadataValue.class, GroupMetadataValue.SCHEMAS, 4);
        }
    }

    private void api(ApiMessageType api) throws Exception {
        // highestSupportedVersion(false): versions that Kafka calls unstable are not offered
        short first = api.lowestSupportedVersion();
        short last = api.highestSupportedVersion(false);
        int flexible = -1;
        int flexibleResponseHeader = -1;
        for (short version = last; version >= first; version--) {
            if (api.requestHeaderVersion(version) >= 2) flexible = version;
            if (api.responseHeaderVersion(version) >= 1) flexibleResponseHeader = version;
        }
        ObjectNode facts = JSON.createObjectNode().put("api", api.name).put("key", api.apiKey()).put("first", first).put("last", last);
        line(facts.put("flexible", flexible).put("flexibleResponseHeader", flexibleResponseHeader));
        message(api.name + "Request", api.newRequest().getClass(), Arrays.copyOf(api.requestSchemas(), last + 1), flexible);
        message(api.name + "Response", api.newResponse().getClass(), Arrays.copyOf(api.responseSchemas(), last + 1), flexible);
    }

    private void message(String name, Class<? extends Message> type, Schema[] schemas, int flexible) throws Exception {
        for (short version = 0; version < schemas.length; version++) {
            Schema schema = schemas[version];
            if (schema == null) continue;
            for (int i = 0; i < VALUES_PER_VERSION; i++) {
                Message message = type.getDeclaredConstructor().newInstance();
                if (i > 0) new RandomMessage(seed++, false).fill(message, schema, 0);
                vector(name, message, schema, version, i == 0, null);
            }
            if (flexible >= 0 && version >= flexible) unknownTags(name, type, schema, version);
        }
        unsafe(name, type, schemas[schemas.length - 1], (short) (schemas.length - 1));
    }

    /** A later version's sender may add tagged fields; a reader skips them. */
    private void unknownTags(String name, Class<? extends Message> type, Schema schema, short version) throws Exception {
        Message message = type.getDeclaredConstructor().newInstance();
        new RandomMessage(seed++, false).fill(message, schema, 0);
        message.unknownTaggedFields().add(new RawTaggedField(100, new byte[] {1, 2, 3}));
        message.unknownTaggedFields().add(new RawTaggedField(70_000, new byte[0]));
        vector(name, message, schema, version, false, "skipsUnknownTags");
    }

    private void unsafe(String name, Class<? extends Message> type, Schema schema, short version) throws Exception {
        Message message = type.getDeclaredConstructor().newInstance();
        new RandomMessage(seed++, true).fill(message, schema, 0);
        if (hasUnsafeLong(MessageJson.of(message, schema, version).toString())) vector(name, message, schema, version, false, "unsafeLong");
    }

    private static boolean hasUnsafeLong(String json) {
        return json.contains(Long.toString(Long.MAX_VALUE)) || json.contains(Long.toString(1L << 53));
    }

    private void vector(String name, Message message, Schema schema, short version, boolean isDefault, String kind) throws Exception {
        ByteBuffer buffer;
        try {
            buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        } catch (UnsupportedVersionException | NullPointerException e) {
            if (!isDefault) throw e;
            System.err.println(name + " " + version + ": its defaults cannot be sent, " + e.getMessage());
            return;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        ObjectNode vector = JSON.createObjectNode().put("message", name).put("version", version);
        if (kind != null) vector.put("kind", kind);
        vector.set("value", MessageJson.of(message, schema, version));
        line(vector.put("bytes", HexFormat.of().formatHex(bytes)));
    }

    private void line(ObjectNode node) throws IOException, JsonProcessingException {
        out.write((JSON.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
