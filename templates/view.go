// Package templates renders the pages. A component takes a view model of
// ready texts and booleans, calls nothing and decides nothing but markup; it
// imports only templ. What a page says of a task is put together in function/site.
package templates

import "github.com/a-h/templ"

// A Page is what every page has around its content.
type Page struct {
	Words *Words
	Title string
	// SwitchURL is this page in the other language.
	SwitchURL templ.SafeURL
}

// A Time is one instant, twice: for people and for machines.
type Time struct {
	Text, RFC3339 string
}

// A Task is the page of one task. Texts that are empty are left out.
type Task struct {
	Page
	Heading string
	// State is success, failed, open or unknown; it selects colours, never words.
	State string
	// Symbol and Status say the state in a shape and in words; StatusValue and
	// TypeValue are the API's words.
	Symbol, Status, StatusValue string
	Type, TypeValue             string

	ID, Directory           string
	Started, Ended, Checked Time
	Duration                string
	FailureReason, Hint     string
	RequestID               string

	JSONURL, TextURL templ.SafeURL
	Curl             string
	Reload           Reload
}

// A Reload is how a page offers to look again. It is zero where nothing can
// change any more, and the page says so instead.
type Reload struct {
	CheckURL templ.SafeURL
	// BeginURL makes the page load itself again Every so often, StopURL ends
	// that; one of them is set.
	BeginURL, StopURL templ.SafeURL
	Every             string
}

// A Board is the page of several tasks.
type Board struct {
	Page
	Heading string
	// Done and Total feed the progress bar.
	Done, Total string
	Rows        []Row
	Checked     Time

	JSONURL, TextURL templ.SafeURL
	Reload           Reload
}

// A Row is one task on a board.
type Row struct {
	ID                    string
	URL                   templ.SafeURL
	State, Symbol, Status string
	// Sentence says how the task stands, or why it could not be looked up.
	Sentence            string
	FailureReason, Hint string
}

// A Problem is the page of a request that could not be answered.
type Problem struct {
	Page
	Heading, Detail, Hint, RequestID string
	// Reload is set where the same request may soon be answered.
	Reload Reload
}
