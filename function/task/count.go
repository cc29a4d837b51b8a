package task

// Counts are how many tasks stand how. Unknown are those in a state that is
// not known here, and those that could not be looked up.
type Counts struct{ Failed, InProgress, Success, Unknown int }

// Count counts how the tasks stand that were looked up.
func Count(results []Result) Counts {
	var c Counts
	for _, r := range results {
		switch {
		case r.Err != nil:
			c.Unknown++
		case r.Task.Status == Failed:
			c.Failed++
		case r.Task.Status == InProgress:
			c.InProgress++
		case r.Task.Status == Success:
			c.Success++
		default:
			c.Unknown++
		}
	}
	return c
}
