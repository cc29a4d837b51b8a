package main

import "time"

// measureLooks counts how often CloudSSO is asked for a task that many look at, and
// how long many tasks take while it is slow.
func (b *bench) measureLooks() error {
	i, err := start(b.ours.path, environment(b.cloud.secure.URL, b.cloud.roots), nil)
	if err != nil {
		return err
	}
	defer i.kill()

	const looks = 500
	before := b.cloud.calls.Load()
	for n := range looks {
		k, header := asJSON, forJSON
		if n%2 == 1 {
			k, header = asPage, forPage
		}
		if _, err := i.ask(k, taskEvent(taskID, header)); err != nil {
			return err
		}
	}
	calls := b.cloud.calls.Load() - before
	b.add(row{what: "500 looks at a task that has ended", unit: "calls of CloudSSO", ours: once(float64(calls)), most: 1})

	const slow = 100 * time.Millisecond
	b.cloud.delay.Store(int64(slow))
	defer b.cloud.delay.Store(0)
	var took []float64
	for n := range 5 {
		d, err := i.ask(asBoard, boardEvent(board(100_000+100*n), forPage))
		if err != nil {
			return err
		}
		took = append(took, ms(d))
	}
	b.add(row{what: "board of 20, none remembered, with CloudSSO at 100 ms", unit: "ms", ours: took, most: 500})
	return nil
}
