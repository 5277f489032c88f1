// load drives a broker with ready-made requests, so that the broker and not the client is what is measured: frames are encoded once and sent again and
// again, one goroutine a connection, answers are looked at no further than is needed to know that they are right.
//
//	load produce      batches of one size to one topic
//	load fetch        one topic again and again from its begin
//	load small-fetch  one small batch of each partition a request; with -session one of them has news
//	load latency      records at a fixed rate, from when each was due until a long-polling fetch has it
//	load transactions each producer: one batch, commit, again
//	load connections  holds connections, a request a second each
//	load groups       consumer groups with little to do
//	load rebalance    one group, all of its members join again at once
//	load metadata     the answer about all topics
//
// One line of JSON comes out. With -pid it holds the broker's CPU seconds and memory within what was measured.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

var (
	broker     = flag.String("broker", "127.0.0.1:9092", "host:port")
	pid        = flag.Int("pid", 0, "the broker's process, whose CPU and memory are read")
	topic      = flag.String("topic", "load", "an existing topic")
	conns      = flag.Int("conns", 2, "connections to each node")
	inflight   = flag.Int("inflight", 5, "requests under way on a connection")
	recordSize = flag.Int("record-size", 1024, "bytes of a record's value")
	batchBytes = flag.Int("batch-bytes", 65536, "bytes of values in a batch")
	codec      = flag.String("codec", "none", "none, gzip or lz4: values are text then, that shrinks as JSON does")
	acks       = flag.Int("acks", -1, "-1, 0 or 1")
	warm       = flag.Int64("warm", 0, "bytes before what is measured")
	total      = flag.Int64("total", 0, "bytes that are measured; 0: as many as -seconds allow")
	warmUp     = flag.Duration("warm-up", time.Second, "time before what is measured, if -total is 0")
	duration   = flag.Duration("for", 5*time.Second, "time that is measured, if -total is 0")
	maxBytes   = flag.Int("max-bytes", 1<<20, "bytes a partition in a fetch")
	maxWait    = flag.Int("max-wait", 500, "how long a fetch may wait, in ms")
	committed  = flag.Bool("committed", false, "fetch only what is committed")
	session    = flag.Bool("session", false, "small-fetch: in a fetch session")
	rate       = flag.Int("rate", 2000, "latency: records a second")
	perRequest = flag.Int("per-request", 1, "latency: records in a request")
	records    = flag.Int("records", 100, "transactions: records in each")
	abortEvery = flag.Int("abort-every", 0, "transactions: one in so many is aborted")
	groups     = flag.Int("groups", 50, "groups: how many")
	members    = flag.Int("members", 10, "groups, rebalance: members in a group")
	rounds     = flag.Int("rounds", 5, "rebalance, metadata: how often")
	warmRounds = flag.Int("warm-rounds", 0, "rebalance: how often before it is measured")
	partitions = flag.Int("partitions", 0, "metadata: first wait until so many are led")
	perAsk     = flag.Int("per-ask", 1, "produce: partitions in a request, at most 100")
	from       = flag.Float64("from", 1, "small-fetch: which part of the log is read, 0 its begin, 0.5 its middle, 1 its last batch")
	idle       = flag.Int("idle", 0, "connections that are open meanwhile and ask nothing")
	alive      = flag.Int("alive", 0, "groups of one member that are alive meanwhile and only send heartbeats")
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func fail(format string, args ...any) { check(fmt.Errorf(format, args...)) }

func main() {
	runs := map[string]func(){
		"produce": produce, "fetch": fetch, "small-fetch": smallFetch, "latency": latency, "transactions": transactions,
		"connections": connections, "groups": groupsIdle, "rebalance": rebalance, "metadata": metadata,
	}
	if len(os.Args) < 2 || runs[os.Args[1]] == nil {
		fail("which run? produce, fetch, small-fetch, latency, transactions, connections, groups, rebalance or metadata")
	}
	check(flag.CommandLine.Parse(os.Args[2:]))
	beside()
	runs[os.Args[1]]()
}
