package vectors;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/** The fields of one version of a struct, tagged ones too, by the names that the Java classes and the JSON use. */
final class SchemaFields {
    private SchemaFields() {}

    record Named(String name, Type type, boolean tagged) {}

    static List<Named> of(Schema schema) {
        List<Named> fields = new ArrayList<>();
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (Map.Entry<Integer, Field> entry : tagged.fields().entrySet())
                    fields.add(new Named(camel(entry.getValue().name), entry.getValue().type, true));
            } else fields.add(new Named(camel(bound.def.name), bound.def.type, false));
        }
        return fields;
    }

    static Method setter(Class<?> message, String name) throws NoSuchMethodException {
        String wanted = "set" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
        for (Method method : message.getMethods())
            if (method.getName().equals(wanted) && method.getParameterCount() == 1) return method;
        throw new NoSuchMethodException(message + "." + wanted);
    }

    static Object get(Object message, String name) throws ReflectiveOperationException {
        return message.getClass().getMethod(name).invoke(message);
    }

    private static String camel(String snake) {
        StringBuilder name = new StringBuilder();
        boolean up = false;
        for (char c : snake.toCharArray()) {
            if (c == '_') up = true;
            else {
                name.append(up ? Character.toUpperCase(c) : c);
                up = false;
            }
        }
        return name.toString();
    }
}
