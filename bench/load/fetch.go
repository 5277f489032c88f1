package main

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type place struct {
	partition
	offset int64
}

// fetchRequest asks for the given places; id and epoch are of the fetch session, 0 and -1 for none.
func fetchRequest(places []place, id, epoch int32) *kmsg.FetchRequest {
	req := newest(kmsg.NewPtrFetchRequest(), anyVersion)
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(*maxWait), 1, 50<<20
	req.SessionID, req.SessionEpoch = id, epoch
	if *committed {
		req.IsolationLevel = 1
	}
	if len(places) == 0 {
		return req
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = places[0].topic, places[0].uuid
	for _, p := range places {
		tp := kmsg.NewFetchRequestTopicPartition()
		tp.Partition, tp.FetchOffset, tp.PartitionMaxBytes, tp.CurrentLeaderEpoch = p.id, p.offset, int32(*maxBytes), -1
		t.Partitions = append(t.Partitions, tp)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func fetched(answer []byte, version int16) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = version
	decode(answer, resp)
	if resp.ErrorCode != 0 {
		fail("fetch: error code %d", resp.ErrorCode)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				fail("fetch: partition %d: error code %d", p.Partition, p.ErrorCode)
			}
		}
	}
	return resp
}

type fetcher struct {
	*conn
	places []*place
}

// fetch has one request under way for each partition, and begins again at the end of each: the same bytes from the page cache.
func fetch() {
	var fetchers []*fetcher
	for _, s := range shares(partitionsOf(*topic)) {
		f := &fetcher{conn: dial(s.leader)}
		for _, p := range s.partitions {
			f.places = append(f.places, &place{partition: p})
		}
		fetchers = append(fetchers, f)
	}
	phases(func(m *meter, allowed func(int) bool) {
		together(fetchers, func(f *fetcher) { f.run(m, allowed) })
	})
}

func (f *fetcher) run(m *meter, allowed func(int) bool) {
	var awaited []*place
	var version int16
	ask := func(p *place) {
		req := fetchRequest([]place{*p}, 0, -1)
		version = req.Version
		f.send(formatter.AppendRequest(nil, req, 0))
		awaited = append(awaited, p)
	}
	for _, p := range f.places {
		ask(p)
	}
	for len(awaited) > 0 {
		p := awaited[0]
		awaited = awaited[1:]
		resp := fetched(f.answer(), version)
		if len(resp.Topics) == 0 {
			fail("fetch: partition %d: no answer", p.id)
		}
		part := resp.Topics[0].Partitions[0]
		after, count := eachBatch(part.RecordBatches, nil)
		m.did(len(part.RecordBatches), int(count))
		end := part.HighWatermark
		if *committed {
			end = part.LastStableOffset
		}
		if p.offset = after; after < 0 || after >= end {
			p.offset = 0
		}
		if allowed(max(1, len(part.RecordBatches))) {
			ask(p)
		}
	}
}

// smallReader asks one leader for its partitions.
type smallReader struct {
	*conn
	places []place
}

// smallFetch reads one batch of each partition, the last unless -from says otherwise, again and again. All requests of a connection are alike, so the first answer is decoded and of the
// others the size is compared. In a session the partitions have news in turn, one a request.
func smallFetch() {
	all := partitionsOf(*topic)
	places := make([]place, len(all))
	for i, p := range all {
		end := endOffset(p)
		if end <= 0 {
			fail("partition %d is empty", p.id)
		}
		places[i] = place{p, min(end-1, int64(*from*float64(end)))}
	}
	*maxBytes = 4096
	byLeader := map[string][]place{}
	for _, p := range places {
		byLeader[p.leader] = append(byLeader[p.leader], p)
	}
	var readers []smallReader
	for leader, own := range byLeader {
		for range *conns {
			readers = append(readers, smallReader{dial(leader), own})
		}
	}
	work := again
	if *session {
		work = inSession
	}
	phases(func(m *meter, allowed func(int) bool) {
		together(readers, func(r smallReader) { work(r.conn, r.places, m, allowed) })
	})
}

// endOffset is -1 while the leader does not know yet that it leads: metadata may be ahead of it.
func endOffset(p partition) int64 {
	return endOffsets([]partition{p})[0]
}

func endOffsets(all []partition) []int64 {
	c := dial(all[0].leader)
	defer c.Close()
	req := newest(kmsg.NewPtrListOffsetsRequest(), 7)
	req.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = all[0].topic
	for _, p := range all {
		tp := kmsg.NewListOffsetsRequestTopicPartition()
		tp.Partition, tp.Timestamp, tp.CurrentLeaderEpoch = p.id, -1, -1
		t.Partitions = append(t.Partitions, tp)
	}
	req.Topics = append(req.Topics, t)
	found := map[int32]int64{}
	for _, p := range c.ask(req).(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
		found[p.Partition] = p.Offset
		if p.ErrorCode != 0 {
			found[p.Partition] = -1
		}
	}
	ends := make([]int64, len(all))
	for i, p := range all {
		ends[i] = found[p.id]
	}
	return ends
}

func again(c *conn, places []place, m *meter, allowed func(int) bool) {
	req := fetchRequest(places, 0, -1)
	frame := formatter.AppendRequest(nil, req, 0)
	size := 0
	for allowed(1) {
		c.send(frame)
		answer := c.answer()
		if size == 0 {
			size = len(answer)
			for _, p := range fetched(answer, req.Version).Topics[0].Partitions {
				if after, _ := eachBatch(p.RecordBatches, nil); after < 0 {
					fail("partition %d: no batch in the answer", p.Partition)
				}
			}
		} else if len(answer) != size {
			fail("an answer of %d bytes and one of %d to the same request", len(answer), size)
		}
		m.did(size, len(places))
	}
}

// inSession opens a session in which nothing is new, then moves one partition back to its last batch and the one before it to its end.
func inSession(c *conn, places []place, m *meter, allowed func(int) bool) {
	ends := make([]place, len(places))
	for i, p := range places {
		ends[i] = place{p.partition, p.offset + 1}
	}
	start := fetchRequest(ends, 0, 0)
	start.MaxWaitMillis = 0
	c.send(formatter.AppendRequest(nil, start, 0))
	id := fetched(c.answer(), start.Version).SessionID
	if id == 0 {
		fail("fetch: no session was opened")
	}
	var out []byte
	for epoch := int32(1); allowed(1); epoch++ {
		now := int(epoch) % len(places)
		before := (now + len(places) - 1) % len(places)
		changed := []place{places[now], ends[before]}
		req := fetchRequest(changed, id, epoch)
		out = formatter.AppendRequest(out[:0], req, 0)
		c.send(out)
		answer := c.answer()
		// the first answers are looked at as a whole, later ones must have a batch
		if epoch < 1000 {
			resp := fetched(answer, req.Version)
			if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions[0].RecordBatches) == 0 {
				fail("fetch session: no news in answer %d", epoch)
			}
		} else if len(answer) < recordsAt || binary.BigEndian.Uint32(answer) != 0 {
			fail("fetch session: no news in answer %d", epoch)
		}
		m.did(len(answer), 1)
	}
	closing := fetchRequest(nil, id, -1)
	c.send(formatter.AppendRequest(nil, closing, 0))
	c.answer()
}
