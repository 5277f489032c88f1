package interop;

import java.util.LinkedHashMap;
import java.util.Map;

/** Runs every scenario and says for each, in one line, whether it went well: Main BOOTSTRAP PREFIX. */
public final class Main {
    interface Scenario {
        void run(Broker broker) throws Exception;
    }

    private Main() {}

    public static void main(String[] args) {
        Broker broker = new Broker(args[0], args[1]);
        Map<String, Scenario> scenarios = new LinkedHashMap<>();
        scenarios.put("produce-consume", ProduceConsume::run);
        scenarios.put("idempotent", Idempotent::run);
        scenarios.put("transactions", Transactions::run);
        scenarios.put("group-rebalance", GroupRebalance::run);
        scenarios.put("admin", AdminCalls::run);
        scenarios.put("errors", Errors::run);
        boolean allOk = true;
        for (var scenario : scenarios.entrySet()) {
            try {
                scenario.getValue().run(broker);
                System.out.println("ok " + scenario.getKey());
            } catch (Throwable wrong) {
                allOk = false;
                System.out.println("not ok " + scenario.getKey() + ": " + String.valueOf(wrong).replace('\n', ' '));
                wrong.printStackTrace();
            }
        }
        System.exit(allOk ? 0 : 1);
    }
}
