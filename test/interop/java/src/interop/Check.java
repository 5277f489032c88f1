package interop;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;

/** Claims that end a scenario when they do not hold. */
final class Check {
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private Check() {}

    static void that(boolean holds, String claim) {
        if (!holds) throw new AssertionError(claim);
    }

    static void same(Object expected, Object actual, String what) {
        if (!Objects.equals(expected, actual)) throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }

    /** The call must fail with exactly this exception, bare or as the cause. */
    static void fails(Class<? extends Throwable> expected, String what, Callable<?> call) throws Exception {
        Throwable thrown = null;
        try {
            call.call();
        } catch (ExecutionException wrapped) {
            thrown = wrapped.getCause();
        } catch (Throwable bare) {
            thrown = bare;
        }
        String got = thrown == null ? "no exception" : thrown.toString();
        if (thrown == null || thrown.getClass() != expected) {
            throw new AssertionError(what + ": expected " + expected.getSimpleName() + ", got " + got);
        }
    }

    /** For what a cluster may take a moment to show: tries until it holds. */
    static void eventually(String claim, Callable<Boolean> holds) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Exception last = null;
        while (System.nanoTime() < deadline) {
            try {
                if (holds.call()) return;
                last = null;
            } catch (ExecutionException failed) {
                last = failed;
            }
            Thread.sleep(50);
        }
        throw new AssertionError(claim + ": not so after " + PATIENCE.toSeconds() + " s" + (last == null ? "" : ", " + last.getCause()));
    }
}
