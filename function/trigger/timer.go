package trigger

import "time"

// A Timer is one tick of a timer trigger (Function Compute, "Time trigger", event), or
// its payload alone, by which somebody asks for what the trigger would.
type Timer struct {
	// Time is when the tick was due, not when it came; zero where nobody said.
	Time time.Time
	// Name is the trigger's name.
	Name string
	// Payload is the text that the trigger is configured with, even if that holds JSON.
	Payload string
}

func parseTimer(data []byte) (Timer, error) {
	var in struct {
		Time    string `json:"triggerTime"`
		Name    string `json:"triggerName"`
		Payload string `json:"payload"`
	}
	if err := decode(data, &in); err != nil {
		return Timer{}, err
	}
	// Strictly: whoever acts on ticks reckons from this time.
	due, err := time.Parse(time.RFC3339, in.Time)
	if err != nil {
		return Timer{}, invalid("%q is not an RFC 3339 time", "triggerTime")
	}
	return Timer{Time: due, Name: in.Name, Payload: in.Payload}, nil
}
