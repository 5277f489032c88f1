"""Runs the scenarios of a Python client: one line for each, and exit 0 only if all are ok."""

import os
import signal
import sys
import time
import traceback

SCENARIO_LIMIT_S = 20
CODEC_RECORD_COUNT = 20


class Failed(Exception):
    pass


def expect(what, actual, wanted):
    if actual != wanted:
        raise Failed(f"{what}: got {shortened(actual)}, wanted {shortened(wanted)}")


def shortened(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def expect_error(what, error_class, call):
    """The call must raise exactly the client's own exception; gives it back."""
    try:
        answer = call()
    except error_class as error:
        return error
    except Exception as error:
        raise Failed(f"{what}: got {type(error).__name__} ({error}), wanted {error_class.__name__}") from error
    raise Failed(f"{what}: no error but {shortened(answer)}, wanted {error_class.__name__}")


def wait_for(what, condition, limit_s=15):
    """Asks until the condition gives something true, and gives that back."""
    end = time.monotonic() + limit_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {limit_s} s")
        time.sleep(0.02)


def sample_records(name):
    """Records with every kind of key, value and headers, as (key, value, headers, timestamp in ms).

    Key and value are never both null: kafka-python refuses that.
    """
    keys = [None, b"", b"key", "ключ".encode(), bytes([0, 255])]
    values = [b"value", None, b"", bytes(range(256)), f"{name} ".encode() * 2000]
    headers = [
        [],
        [("trace", b"1"), ("trace", b"2")],
        [("empty", b""), ("ключ", "значение".encode()), ("bytes", bytes([0, 255]))],
    ]
    return [
        (keys[i % len(keys)], values[i % len(values)], headers[i % len(headers)], 1_600_000_000_000 + i * 1000)
        for i in range(CODEC_RECORD_COUNT)
    ]


def run(scenarios):
    """Calls each of `scenarios` (name to function of bootstrap and prefix)."""
    bootstrap, prefix = sys.argv[1:3]
    all_ok = True
    signal.signal(signal.SIGALRM, _out_of_time)
    for name, scenario in scenarios.items():
        signal.alarm(SCENARIO_LIMIT_S)
        try:
            scenario(bootstrap, prefix)
            line = f"ok {name}"
        except Exception as error:
            all_ok = False
            traceback.print_exc()
            reason = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            line = f"not ok {name}: {' '.join(reason.split())}"
        finally:
            signal.alarm(0)
        print(line, flush=True)
    # A client's background thread that does not end must not keep the program from ending.
    os._exit(0 if all_ok else 1)


def _out_of_time(_signal, _frame):
    raise Failed(f"still running after {SCENARIO_LIMIT_S} s")
