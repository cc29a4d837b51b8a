package main

// measureMemory looks at the peak of memory after many requests of every kind: one in
// ten is about a new task, the others about some hundred that come again and again.
func (b *bench) measureMemory() error {
	i, err := start(b.ours.path, environment(b.cloud.plain.URL, b.cloud.roots), nil)
	if err != nil {
		return err
	}
	defer i.kill()
	tag, err := i.tag(taskEvent(taskID, forJSON))
	if err != nil {
		return err
	}
	unmodified := taskEvent(taskID, map[string]string{"Accept": "application/json", "If-None-Match": tag})
	const known = 500
	for n := range b.requests {
		id := someID(n * 7 % known)
		switch n % 10 {
		case 0, 1, 2:
			_, err = i.ask(asJSON, taskEvent(id, forJSON))
		case 3, 4:
			_, err = i.ask(asPage, taskEvent(id, forPage))
		case 5, 6:
			_, err = i.ask(asPart, event("/tasks/"+id, fragment, forPage))
		case 7:
			_, err = i.ask(as304, unmodified)
		case 8:
			_, err = i.ask(asBoard, boardEvent(board(n%known), forPage))
		default:
			_, err = i.ask(uncached, taskEvent(someID(1_000_000+n), forJSON))
		}
		if err != nil {
			return err
		}
		if (n+1)%1000 == 0 || n+1 == b.requests {
			b.progress("requests", n+1, b.requests)
		}
	}
	b.add(row{what: "peak memory after the mixed requests", unit: "MB", ours: once(i.peak() / 1e6), most: 32})
	return nil
}
