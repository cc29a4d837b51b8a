package task

import "time"

// Limits of a list (API 2021-05-15, ListTasks: Filter and MaxResults).
const (
	// ListWindow is how far back a list can go. A request takes its time, and
	// every page is asked for with the same start: ask for a little less.
	ListWindow = 7 * 24 * time.Hour
	// MaxPage is the largest page.
	MaxPage = 20
)

// A ListRequest says which tasks to list. Only Directory is required; a field
// left zero does not filter.
type ListRequest struct {
	Directory             DirectoryID
	Status                Status
	Type                  Type
	AccessConfigurationID string
	// PrincipalType and PrincipalID go together, as do TargetType
	// ("RD-Account") and TargetID: CloudSSO ignores half a pair, so half a
	// pair is Invalid.
	PrincipalType        PrincipalType
	PrincipalID          string
	TargetType, TargetID string
	// StartedSince goes back at most ListWindow: CloudSSO refuses more, so
	// more is Invalid. Zero is the last 24 hours.
	StartedSince time.Time
	// MaxResults is the size of a page, 1 to MaxPage; zero is CloudSSO's own, 10.
	MaxResults int
	// NextToken is that of the page before, while all else stays the same.
	NextToken string
}

// A Page is a part of a list of tasks, in no documented order.
type Page struct {
	// Tasks have their details, which are personal data.
	Tasks []Task
	// NextToken asks for the next page; it is empty on the last.
	NextToken string
	// Total is the number of tasks in all pages.
	Total int
	// RequestID is CloudSSO's id of the request.
	RequestID string
}
