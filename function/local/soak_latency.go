package main

import (
	"math"
	"time"
)

// Latencies are counted in buckets, each a tenth longer than the one before,
// so that a million of them take no more room than one.
const (
	firstBucket  = 10 * time.Microsecond
	bucketGrowth = 1.1
	bucketCount  = 200 // up to half an hour
)

// A latencies is a distribution of durations. It is not safe for concurrent use.
type latencies struct {
	buckets [bucketCount]int
	count   int
}

func (l *latencies) add(d time.Duration) {
	i := 0
	if d > firstBucket {
		i = min(int(math.Ceil(math.Log(float64(d)/float64(firstBucket))/math.Log(bucketGrowth))), bucketCount-1)
	}
	l.buckets[i]++
	l.count++
}

// quantile returns what a part of the durations, such as 0.99, does not exceed: at most a tenth too much.
func (l *latencies) quantile(part float64) time.Duration {
	if l.count == 0 {
		return 0
	}
	left := max(1, int(math.Ceil(part*float64(l.count))))
	for i, n := range l.buckets {
		if left -= n; left <= 0 {
			return time.Duration(float64(firstBucket) * math.Pow(bucketGrowth, float64(i)))
		}
	}
	return 0 // not reached: the buckets hold as many as were counted
}
