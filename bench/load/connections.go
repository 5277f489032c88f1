package main

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// openIdle waits for an answer: connections that come faster than a broker takes them are tried again by the system a second later.
func openIdle() *conn {
	c := dialWith(*broker, idleBuffer)
	c.ask(metadataRequest(*topic))
	return c
}

// connections opens many and has each ask for one topic's metadata once a second, spread over the second.
func connections() {
	frame := formatter.AppendRequest(nil, metadataRequest(*topic), 0)
	open := make([]*conn, *conns)
	for i := range open {
		open[i] = openIdle()
	}
	began := time.Now()
	stop := began.Add(*warmUp + *duration)
	m := &meter{}
	slots := make([]int, len(open))
	for i := range slots {
		slots[i] = i
	}
	go together(slots, func(slot int) {
		c := open[slot]
		at := began.Add(time.Second * time.Duration(slot) / time.Duration(len(open)))
		for ; at.Before(stop); at = at.Add(time.Second) {
			time.Sleep(time.Until(at))
			due := time.Now()
			c.send(frame)
			c.answer()
			m.did(0, 0)
			m.took(time.Since(due).Seconds() * 1e3)
		}
	})
	time.Sleep(*warmUp)
	measured := startMeter()
	asked := m.requests.Load()
	time.Sleep(*duration)
	measured.requests.Store(m.requests.Load() - asked)
	m.mu.Lock()
	measured.latencies = m.latencies[asked:]
	m.mu.Unlock()
	measured.report(map[string]float64{"connections": float64(len(open))})
}

func metadataRequest(name string) *kmsg.MetadataRequest {
	req := newest(kmsg.NewPtrMetadataRequest(), anyVersion)
	if name != "" {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	return req
}

// metadata asks about all topics, after waiting until all of their partitions are led.
func metadata() {
	c := dial(*broker)
	frame := formatter.AppendRequest(nil, metadataRequest(""), 0)
	version := metadataRequest("").Version
	began := time.Now()
	for deadline := began.Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		c.send(frame)
		resp := kmsg.NewPtrMetadataResponse()
		resp.Version = version
		found, err := led(decode(c.answer(), resp))
		if err == nil && len(found) >= *partitions {
			break
		}
		if time.Now().After(deadline) {
			fail("metadata: %d partitions of %d, %v", len(found), *partitions, err)
		}
	}
	waited := time.Since(began).Seconds()
	for range *rounds { // to warm up
		c.send(frame)
		c.answer()
	}
	m := startMeter()
	for range *rounds {
		at := time.Now()
		c.send(frame)
		m.did(len(c.answer()), 0)
		m.took(time.Since(at).Seconds() * 1e3)
	}
	m.report(map[string]float64{"waitedS": waited})
}
