package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const ticksPerSecond = 100 // of /proc, on every Linux that Go runs on

// meter counts what is done while it runs, and reads what the broker's process used meanwhile.
type meter struct {
	bytes, records, requests atomic.Int64
	mu                       sync.Mutex
	latencies                []float64
	began                    time.Time
	cpu, ownCPU              float64
	peak                     atomic.Int64
	over                     chan struct{}
}

func startMeter() *meter {
	m := &meter{began: time.Now(), cpu: cpuSeconds(), ownCPU: ownCPUSeconds(), over: make(chan struct{})}
	go func() {
		for {
			m.peak.Store(max(m.peak.Load(), resident("VmRSS")))
			select {
			case <-m.over:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return m
}

func (m *meter) did(bytes, records int) {
	m.bytes.Add(int64(bytes))
	m.records.Add(int64(records))
	m.requests.Add(1)
}

func (m *meter) took(d ...float64) {
	m.mu.Lock()
	m.latencies = append(m.latencies, d...)
	m.mu.Unlock()
}

// report ends the measuring and prints it.
func (m *meter) report(more map[string]float64) {
	s := time.Since(m.began).Seconds()
	cpu, own := cpuSeconds()-m.cpu, ownCPUSeconds()-m.ownCPU
	close(m.over)
	out := map[string]float64{
		"seconds": s, "mbPerS": float64(m.bytes.Load()) / 1e6 / s, "recordsPerS": float64(m.records.Load()) / s,
		"requests": float64(m.requests.Load()), "requestsPerS": float64(m.requests.Load()) / s,
		"loadCpuShare": own / s,
	}
	if *pid != 0 {
		out["cpuShare"] = cpu / s
		out["residentMb"], out["residentPeakMb"] = float64(resident("VmRSS"))/1e6, float64(m.peak.Load())/1e6
		if m.bytes.Load() > 0 {
			out["cpuSecondsPerGb"] = cpu / (float64(m.bytes.Load()) / 1e9)
		}
		if m.requests.Load() > 0 {
			out["cpuUsPerRequest"] = cpu * 1e6 / float64(m.requests.Load())
		}
	}
	if len(m.latencies) > 0 {
		slices.Sort(m.latencies)
		for name, q := range map[string]float64{"p50": .5, "p99": .99, "p999": .999, "max": 1} {
			out[name] = m.latencies[min(len(m.latencies)-1, int(q*float64(len(m.latencies))))]
		}
	}
	maps.Copy(out, more)
	line, err := json.Marshal(out)
	check(err)
	fmt.Println(string(line))
}

func cpuSeconds() float64 {
	if *pid == 0 {
		return 0
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", *pid))
	check(err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond
}

// ownCPUSeconds is what this program has used itself.
func ownCPUSeconds() float64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// resident is a line of the broker's memory, in bytes.
func resident(name string) int64 {
	if *pid == 0 {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", *pid))
	check(err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib * 1024
		}
	}
	return 0
}

// phases runs work twice over the same state: to warm up, and measured. Work goes on while its budget gives leave for so many bytes more.
func phases(work func(m *meter, allowed func(bytes int) bool)) {
	work(&meter{}, budget(*warm, *warmUp))
	m := startMeter()
	work(m, budget(*total, *duration))
	m.report(nil)
}

func budget(bytes int64, time_ time.Duration) func(int) bool {
	if *total == 0 {
		end := time.Now().Add(time_)
		return func(int) bool { return time.Now().Before(end) }
	}
	var claimed atomic.Int64
	return func(n int) bool { return claimed.Add(int64(n)) <= bytes }
}

// together runs work once for each element, all at the same time, and waits.
func together[T any](all []T, work func(T)) {
	var wg sync.WaitGroup
	for _, one := range all {
		wg.Go(func() { work(one) })
	}
	wg.Wait()
}
