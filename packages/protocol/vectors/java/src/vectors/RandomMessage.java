package vectors;

import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** Fills a message of Kafka's with random values that the given version can carry: its schema says which fields those are and which may be null. */
final class RandomMessage {
    /** One less than the largest, because JavaScript stands in the largest for Kafka's Long.MAX_VALUE where that is a default. */
    private static final long SAFE_MAX = (1L << 53) - 2;

    private final Random random;
    /** Puts numbers into every int64 that no JavaScript number holds exactly. */
    private final boolean unsafeLongs;

    RandomMessage(long seed, boolean unsafeLongs) {
        this.random = new Random(seed);
        this.unsafeLongs = unsafeLongs;
    }

    void fill(Object message, Schema schema, int depth) throws ReflectiveOperationException {
        for (SchemaFields.Named field : SchemaFields.of(schema)) {
            if (field.tagged() && !unsafeLongs && random.nextInt(5) < 2) continue;
            Method setter = SchemaFields.setter(message.getClass(), field.name());
            boolean isNull = field.type().isNullable() && random.nextInt(4) == 0;
            Object value = isNull ? null : value(field.type(), setter.getGenericParameterTypes()[0], depth);
            setter.invoke(message, value);
        }
    }

    private Object value(org.apache.kafka.common.protocol.types.Type wire, Type type, int depth) throws ReflectiveOperationException {
        if (wire instanceof Schema schema) {
            Object struct = ((Class<?>) type).getDeclaredConstructor().newInstance();
            fill(struct, schema, depth + 1);
            return struct;
        }
        if (wire.isArray()) return array(wire.arrayElementType().get(), type, depth);
        return scalar(wire.toString(), type);
    }

    private Object array(org.apache.kafka.common.protocol.types.Type wire, Type type, int depth) throws ReflectiveOperationException {
        Type element;
        Collection<Object> elements;
        if (type instanceof ParameterizedType list) {
            element = list.getActualTypeArguments()[0];
            elements = new ArrayList<>();
        } else {
            Class<?> collection = (Class<?>) type;
            element = ((ParameterizedType) collection.getGenericSuperclass()).getActualTypeArguments()[0];
            elements = newCollection(collection);
        }
        // now and then more than 126, so that the compact count takes two bytes
        boolean large = !(wire instanceof Schema) && wire.toString().contains("INT") && random.nextInt(25) == 0;
        int count = large ? 127 + random.nextInt(10) : depth > 1 ? random.nextInt(3) : random.nextInt(6) == 0 ? 0 : 1 + random.nextInt(3);
        for (int i = 0; i < count; i++) elements.add(value(wire, element, depth + 1));
        return elements;
    }

    @SuppressWarnings("unchecked")
    private static Collection<Object> newCollection(Class<?> type) throws ReflectiveOperationException {
        return (Collection<Object>) type.getDeclaredConstructor(int.class).newInstance(4);
    }

    private Object scalar(String wire, Type type) {
        if (type == boolean.class || type == Boolean.class) return random.nextBoolean();
        if (type == byte.class || type == Byte.class) return (byte) whole(8);
        if (type == short.class || type == Short.class) return (short) whole(16);
        if (type == int.class || type == Integer.class) return wire.equals("UINT16") ? random.nextInt(65536) : (int) whole(32);
        if (type == long.class || type == Long.class) return wire.equals("UINT32") ? random.nextLong() & 0xffffffffL : int64();
        if (type == double.class || type == Double.class) return random.nextGaussian() * 1e9;
        if (type == String.class) return text();
        if (type == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
        if (type == byte[].class) return bytes();
        if (type == ByteBuffer.class) return ByteBuffer.wrap(bytes());
        if (type == BaseRecords.class) return MemoryRecords.readableRecords(ByteBuffer.wrap(records()));
        throw new IllegalArgumentException("no random value for " + type + " as " + wire);
    }

    private long whole(int bits) {
        long least = -1L << (bits - 1);
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> least;
            case 3 -> -1 - least;
            default -> random.nextLong() >> (64 - bits);
        };
    }

    private long int64() {
        if (unsafeLongs) return random.nextBoolean() ? Long.MAX_VALUE : (1L << 53);
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> SAFE_MAX;
            case 3 -> -SAFE_MAX;
            case 4 -> random.nextInt();
            default -> random.nextLong() >> 11;
        };
    }

    private static final List<String> LETTERS = Arrays.asList("a", "B", "0", "-", "_", ".", " ", "é", "ß", "Ж", "語", "🙂");

    private String text() {
        int length = random.nextInt(30) == 0 ? 130 : random.nextInt(12);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) text.append(LETTERS.get(random.nextInt(LETTERS.size())));
        return text.toString();
    }

    private byte[] bytes() {
        byte[] bytes = new byte[random.nextInt(20) == 0 ? 140 : random.nextInt(20)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Messages carry batches without looking into them; some are large, so that they pass as views. */
    private byte[] records() {
        if (random.nextInt(4) != 0) return bytes();
        byte[] bytes = new byte[2000 + random.nextInt(1000)];
        Arrays.fill(bytes, (byte) random.nextInt());
        return bytes;
    }
}
