package soak;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.StringJoiner;

/** Lines of packages/testkit/src/history. Each is one write, so that a kill leaves whole lines and at most one half. */
final class History {
  private final FileOutputStream file;

  History(String path) throws IOException {
    file = new FileOutputStream(path, true);
  }

  static double now() {
    return System.nanoTime() / 1e6;
  }

  static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "'").replace("\n", " ") + '"';
  }

  /** Fields come as name, value, name, value; a value is JSON already. */
  void line(String kind, String client, Object... fields) {
    var line = new StringJoiner(",", "{", "}\n");
    line.add("\"kind\":" + quoted(kind)).add(String.format(Locale.ROOT, "\"at\":%.3f", now()));
    line.add("\"client\":" + quoted(client));
    for (int i = 0; i < fields.length; i += 2) line.add(quoted((String) fields[i]) + ":" + fields[i + 1]);
    try {
      synchronized (this) {
        file.write(line.toString().getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException error) {
      Runtime.getRuntime().halt(3);
    }
  }
}
