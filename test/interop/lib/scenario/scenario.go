// Package scenario runs the scenarios of a Go client: one line for each, and exit 0 only if all are ok.
// Inside a scenario a failed check panics; the runner turns that into the line.
package scenario

import (
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"
)

const (
	scenarioLimit = 20 * time.Second
	waitLimit     = 15 * time.Second
	sampleCount   = 20
)

type Scenario struct {
	Name string
	Run  func(bootstrap, prefix string)
}

type failed struct{ reason string }

// Fail ends the scenario.
func Fail(format string, arguments ...any) {
	panic(failed{fmt.Sprintf(format, arguments...)})
}

func Expect[T any](what string, actual, wanted T) {
	if !reflect.DeepEqual(actual, wanted) {
		Fail("%s: got %s, wanted %s", what, shortened(actual), shortened(wanted))
	}
}

// NoError ends the scenario when the client gave an error.
func NoError(what string, err error) {
	if err != nil {
		Fail("%s: %v", what, err)
	}
}

// Must is NoError for a call that also gives a value.
func Must[T any](value T, err error) T {
	NoError("call", err)
	return value
}

func shortened(value any) string {
	text := fmt.Sprintf("%q", fmt.Sprint(value))
	if len(text) > 200 {
		return fmt.Sprintf("%s… (%d bytes)", text[:200], len(text))
	}
	return text
}

// WaitFor asks until the condition holds.
func WaitFor(what string, condition func() bool) {
	for end := time.Now().Add(waitLimit); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			Fail("%s: not within %v", what, waitLimit)
		}
	}
}

type Header struct {
	Name  string
	Value []byte
}

type Record struct {
	Partition int
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	// Timestamp is in milliseconds.
	Timestamp int64
}

// String shows the whole record, with null told from empty, so that two can be compared.
func (r Record) String() string {
	headers := make([]string, len(r.Headers))
	for i, header := range r.Headers {
		headers[i] = header.Name + "=" + bytesText(header.Value)
	}
	return fmt.Sprintf("%d/%d %s %s %v %d", r.Partition, r.Offset, bytesText(r.Key), bytesText(r.Value), headers, r.Timestamp)
}

func bytesText(value []byte) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprintf("%q", value)
}

// Samples gives records with every kind of key, value and headers, in turn for two partitions; the offsets continue
// those of earlier calls for the same topic, of which there were `before`.
func Samples(name string, before int) []Record {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	keys := [][]byte{nil, {}, []byte("key"), []byte("ключ"), {0, 255}}
	values := [][]byte{[]byte("value"), nil, {}, all, []byte(strings.Repeat(name+" ", 2000))}
	headers := [][]Header{
		nil,
		{{"trace", []byte("1")}, {"trace", []byte("2")}},
		{{"empty", []byte{}}, {"ключ", []byte("значение")}},
	}
	records := make([]Record, sampleCount)
	for i := range records {
		records[i] = Record{
			Partition: i % 2,
			Offset:    int64((before*sampleCount + i) / 2),
			Key:       keys[i%len(keys)],
			Value:     values[i%len(values)],
			Headers:   headers[i%len(headers)],
			Timestamp: 1_600_000_000_000 + int64(i)*1000,
		}
	}
	return records
}

// OfPartition gives the records as text, in their order.
func OfPartition(records []Record, partition int) []string {
	var texts []string
	for _, record := range records {
		if record.Partition == partition {
			texts = append(texts, record.String())
		}
	}
	return texts
}

// Run runs the scenarios in order and ends the program.
func Run(scenarios ...Scenario) {
	bootstrap, prefix := os.Args[1], os.Args[2]
	code := 0
	for _, scenario := range scenarios {
		reason := make(chan string, 1)
		go func() {
			defer func() { reason <- reasonOf(recover()) }()
			scenario.Run(bootstrap, prefix)
		}()
		text := fmt.Sprintf("still running after %v", scenarioLimit)
		select {
		case text = <-reason:
		case <-time.After(scenarioLimit):
		}
		if text == "" {
			fmt.Println("ok", scenario.Name)
			continue
		}
		code = 1
		fmt.Printf("not ok %s: %s\n", scenario.Name, strings.Join(strings.Fields(text), " "))
	}
	os.Exit(code)
}

func reasonOf(recovered any) string {
	switch cause := recovered.(type) {
	case nil:
		return ""
	case failed:
		fmt.Fprintf(os.Stderr, "%s\n%s", cause.reason, debug.Stack())
		return cause.reason
	default:
		fmt.Fprintf(os.Stderr, "%v\n%s", cause, debug.Stack())
		return fmt.Sprint(cause)
	}
}
