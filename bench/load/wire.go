package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const answerBytesMax = 256 << 20

var formatter = kmsg.NewRequestFormatter(kmsg.FormatterClientID("load"))

// conn is one connection, used by one goroutine: requests go out in order and answers come back in the same.
type conn struct {
	net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(address string) *conn { return dialWith(address, 16<<10) }

// idleBuffer is enough for a connection that gets little.
const idleBuffer = 512

func dialWith(address string, bufferBytes int) *conn {
	c, err := net.Dial("tcp", address)
	check(err)
	return &conn{Conn: c, in: bufio.NewReaderSize(c, bufferBytes)}
}

func (c *conn) send(frames []byte) {
	_, err := c.Write(frames)
	check(err)
}

// answer is what follows the size of the next answer, from the correlation id on. It is the connection's own until the next call.
func (c *conn) answer() []byte {
	var size [4]byte
	_, err := io.ReadFull(c.in, size[:])
	check(err)
	n := int(binary.BigEndian.Uint32(size[:]))
	if n < 4 || n > answerBytesMax {
		fail("an answer of %d bytes", n)
	}
	if cap(c.body) < n {
		c.body = make([]byte, n)
	}
	c.body = c.body[:n]
	_, err = io.ReadFull(c.in, c.body)
	check(err)
	return c.body
}

// waiting says whether an answer can be read without asking the system again.
func (c *conn) waiting() bool {
	if c.in.Buffered() < 4 {
		return false
	}
	size, _ := c.in.Peek(4)
	return c.in.Buffered() >= 4+int(binary.BigEndian.Uint32(size))
}

// headerBytes is how long the header of an answer is: the correlation id and, in flexible versions, no tagged fields.
func headerBytes(resp kmsg.Response) int {
	if resp.IsFlexible() && resp.Key() != 18 {
		return 5
	}
	return 4
}

func decode[R kmsg.Response](body []byte, resp R) R {
	check(resp.ReadFrom(body[headerBytes(resp):]))
	return resp
}

// ask sends one request and waits for its answer.
func (c *conn) ask(req kmsg.Request) kmsg.Response {
	c.send(formatter.AppendRequest(nil, req, 0))
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	return decode(c.answer(), resp)
}

var (
	versions  = map[int16]int16{}
	features  = map[string]int16{}
	askedOnce sync.Once
)

// newest gives req the newest version that the broker and this program know, at most limit.
func newest[R kmsg.Request](req R, limit int16) R {
	askedOnce.Do(func() {
		c := dial(*broker)
		defer c.Close()
		r := kmsg.NewPtrApiVersionsRequest()
		r.Version, r.ClientSoftwareName, r.ClientSoftwareVersion = 3, "load", "1"
		resp := c.ask(r).(*kmsg.ApiVersionsResponse)
		for _, api := range resp.ApiKeys {
			versions[api.ApiKey] = api.MaxVersion
		}
		for _, feature := range resp.FinalizedFeatures {
			features[feature.Name] = feature.MaxVersionLevel
		}
	})
	req.SetVersion(min(req.MaxVersion(), versions[req.Key()], limit))
	return req
}

const anyVersion = 1 << 14

type partition struct {
	topic  string
	id     int32
	leader string
	uuid   [16]byte
}

// partitionsOf lists the topic's partitions, all of them led by somebody who knows it.
func partitionsOf(name string) []partition {
	c := dial(*broker)
	defer c.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		found, err := led(c.ask(metadataRequest(name)).(*kmsg.MetadataResponse))
		if err == nil && len(found) > 0 && areReady(found) {
			return found
		}
		if time.Now().After(deadline) {
			fail("topic %s: %d partitions, %v", name, len(found), err)
		}
	}
}

func areReady(all []partition) bool {
	byLeader := map[string][]partition{}
	for _, p := range all {
		byLeader[p.leader] = append(byLeader[p.leader], p)
	}
	for _, own := range byLeader {
		if slices.Min(endOffsets(own)) < 0 {
			return false
		}
	}
	return true
}

func led(resp *kmsg.MetadataResponse) ([]partition, error) {
	address := map[int32]string{}
	for _, b := range resp.Brokers {
		address[b.NodeID] = net.JoinHostPort(b.Host, fmt.Sprint(b.Port))
	}
	var found []partition
	for _, t := range resp.Topics {
		if t.ErrorCode != 0 {
			return found, fmt.Errorf("error code %d", t.ErrorCode)
		}
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 || address[p.Leader] == "" {
				return found, fmt.Errorf("partition %d is not led", p.Partition)
			}
			found = append(found, partition{*t.Topic, p.Partition, address[p.Leader], t.TopicID})
		}
	}
	slices.SortFunc(found, func(a, b partition) int { return int(a.id - b.id) })
	return found, nil
}

// share is the partitions of one connection. Of each leader's partitions every connection to it gets its part, or one with others if there are too few.
type share struct {
	leader     string
	partitions []partition
}

func shares(all []partition) []share {
	byLeader := map[string][]partition{}
	var leaders []string
	for _, p := range all {
		if byLeader[p.leader] == nil {
			leaders = append(leaders, p.leader)
		}
		byLeader[p.leader] = append(byLeader[p.leader], p)
	}
	var out []share
	for _, leader := range leaders {
		own := byLeader[leader]
		for i := range *conns {
			s := share{leader: leader}
			for j := i; j < len(own); j += *conns {
				s.partitions = append(s.partitions, own[j])
			}
			if len(s.partitions) == 0 {
				s.partitions = append(s.partitions, own[i%len(own)])
			}
			out = append(out, s)
		}
	}
	return out
}
