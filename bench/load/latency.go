package main

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

// latency sends records on time, whether or not the broker keeps up: each carries when it was due, and waiting to be sent counts. One connection produces,
// another follows all partitions in one fetch session, as consumers do.
func latency() {
	// Two cores are all that many a machine has: a collection here would be measured as the broker's.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	all := partitionsOf(*topic)
	places := make([]place, len(all))
	for i, p := range all {
		places[i] = place{partition: p}
	}
	f := &follower{conn: dial(all[0].leader), places: places, began: time.Now()}
	f.seekEnd()
	requests := float64(*rate) / float64(*perRequest)
	warmRequests, count := int(requests*warmUp.Seconds()), int(requests*duration.Seconds())
	arrived := make(chan *meter)
	started := make(chan *meter, 1)
	go f.follow(int64((warmRequests+count)**perRequest), int64(warmRequests**perRequest), started, arrived)
	late, acked := paced(all, f.began, warmRequests+count, time.Duration(float64(time.Second)/requests), func(i int) {
		if i == warmRequests {
			started <- startMeter()
		}
	})
	select {
	case m := <-arrived:
		more := map[string]float64{}
		for name, of := range map[string][]float64{"late": late[warmRequests:], "ack": acked()[warmRequests:]} {
			slices.Sort(of)
			more[name+"P50"], more[name+"P99"] = of[len(of)/2], of[len(of)*99/100]
		}
		m.report(more)
	case <-time.After(30 * time.Second):
		fail("latency: records never came")
	}
}

// Before a request is due by less than this, the clock is looked at again and again: the system wakes a sleeper about so much late.
const sleepIsLateBy = 60 * time.Microsecond

// paced sends count requests, gap apart, and gives by how many ms each was late and, when all are answered, after how many each was. A request is ready before it is due. The system's sleep is finer than
// the runtime's, which wakes at whole milliseconds, and by default as late as it likes within 50 µs.
func paced(all []partition, began time.Time, count int, gap time.Duration, before func(i int)) ([]float64, func() []float64) {
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, 1, 0); errno != 0 {
		check(errno)
	}
	c := dial(all[0].leader)
	records := newBatch(*perRequest, *recordSize)
	values := valuesIn(records)
	version := newest(produceRequest(all[:1], records, anyVersion), anyVersion).Version
	errorAt := producedAt(version, *topic)
	due := time.Now()
	first := due.Add(gap)
	answered := make(chan []float64, 1)
	go func() {
		acked := make([]float64, count)
		for i := range acked {
			made{errorAt: errorAt, count: 1}.check(c.answer())
			acked[i] = float64(time.Since(first.Add(time.Duration(i)*gap))) / 1e6
		}
		answered <- acked
	}()
	var out []byte
	late := make([]float64, count)
	for i := range count {
		before(i)
		due = due.Add(gap)
		for _, value := range values {
			binary.BigEndian.PutUint64(value, uint64(due.Sub(began)))
		}
		now := uint64(time.Now().UnixMilli())
		binary.BigEndian.PutUint64(records[baseTimestampAt:], now)
		binary.BigEndian.PutUint64(records[maxTimestampAt:], now)
		seal(records)
		out = formatter.AppendRequest(out[:0], produceRequest([]partition{all[i%len(all)]}, records, anyVersion), 0)
		late[i] = float64(sleepUntil(due)) / 1e6
		c.send(out)
	}
	return late, func() []float64 { return <-answered }
}

// sleepUntil answers how late it is when it returns.
func sleepUntil(due time.Time) time.Duration {
	for {
		wait := time.Until(due)
		if wait <= 0 {
			return -wait
		}
		if wait > sleepIsLateBy {
			pause := syscall.NsecToTimespec(int64(wait - sleepIsLateBy))
			_ = syscall.Nanosleep(&pause, nil)
		}
	}
}

type follower struct {
	*conn
	places []place
	began  time.Time
}

func (f *follower) seekEnd() {
	for i, p := range f.places {
		f.places[i].offset = endOffset(p.partition)
	}
}

// follow reads until so many records came, and notes how long those after the first few were on their way.
func (f *follower) follow(records, warm int64, started, arrived chan *meter) {
	var m *meter
	seen, session, epoch := int64(0), int32(0), int32(0)
	changed := f.places
	took := make([]float64, 0, records)
	for seen < records {
		req := fetchRequest(changed, session, epoch)
		f.send(formatter.AppendRequest(nil, req, 0))
		answer := f.answer()
		now := time.Since(f.began)
		resp := fetched(answer, req.Version)
		if epoch == 0 {
			session = resp.SessionID
		}
		epoch++
		changed = changed[:0:0]
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				after, count := eachBatch(p.RecordBatches, func(batch []byte) {
					for _, value := range valuesIn(batch) {
						if seen++; seen > warm {
							took = append(took, float64(now-time.Duration(binary.BigEndian.Uint64(value)))/1e6)
						}
					}
				})
				if after < 0 {
					continue
				}
				f.places[p.Partition].offset = after
				changed = append(changed, f.places[p.Partition])
				if m == nil {
					select {
					case m = <-started:
					default:
					}
				}
				if m != nil {
					m.did(len(p.RecordBatches), int(count))
				}
			}
		}
	}
	if m == nil {
		m = <-started
	}
	m.took(took...)
	arrived <- m
}

// valuesIn gives the values of a batch that newBatch made.
func valuesIn(batch []byte) [][]byte {
	var out [][]byte
	for rest := batch[recordsAt:]; len(rest) > 0; {
		size, n := binary.Varint(rest)
		record := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		at := 1
		for range 3 { // timestamp delta, offset delta, length of no key
			_, n := binary.Varint(record[at:])
			at += n
		}
		length, n := binary.Varint(record[at:])
		out = append(out, record[at+n:at+n+int(length)])
	}
	return out
}
