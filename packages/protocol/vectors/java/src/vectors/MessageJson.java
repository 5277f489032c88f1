package vectors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Iterator;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** A message in the form of Kafka's own JSON converters, with the record batches put in: the converters leave them empty. */
final class MessageJson {
    private MessageJson() {}

    static JsonNode of(Message message, Schema schema, short version) throws ReflectiveOperationException {
        Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
        JsonNode json = (JsonNode) converter.getMethod("write", message.getClass(), short.class).invoke(null, message, version);
        putRecords(message, schema, json);
        return json;
    }

    private static void putRecords(Object message, Schema schema, JsonNode json) throws ReflectiveOperationException {
        for (SchemaFields.Named field : SchemaFields.of(schema)) {
            JsonNode node = json.get(field.name());
            if (node == null || node.isNull()) continue;
            Object value = SchemaFields.get(message, field.name());
            Type type = field.type();
            if (value instanceof MemoryRecords records)
                ((ObjectNode) json).set(field.name(), BinaryNode.valueOf(bytesOf(records.buffer())));
            else if (type instanceof Schema inner) putRecords(value, inner, node);
            else if (type.isArray() && type.arrayElementType().get() instanceof Schema inner) {
                Iterator<JsonNode> nodes = node.elements();
                for (Object element : (Collection<?>) value) putRecords(element, inner, nodes.next());
            }
        }
    }

    private static byte[] bytesOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
