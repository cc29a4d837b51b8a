// Package templates renders the pages. A component takes a view model of
// ready texts and booleans, calls nothing and decides nothing but markup; it
// imports only templ. What a page says of a task is put together in function/site.
package templates

import "github.com/a-h/templ"

// A Page is what every page has around its content.
type Page struct {
	Words *Words
	Title string
	// State is success, failed, open, unknown or problem; it selects colours, never words.
	State string
	// RetryAfter is after how many seconds the content is worth asking for
	// again; empty for never. It is the only clock that web/status.js goes by.
	RetryAfter string
	// IDs are those of the tasks shown, by comma, for the list of the last
	// looked-up ones on the first page; empty where there is nothing to remember.
	IDs string
	// URL is where the page is, for paper and for copying.
	URL string
	// SwitchURL is this page in the other language.
	SwitchURL templ.SafeURL
	// RecentURL is the list of recent tasks; empty where that is off.
	RecentURL templ.SafeURL
	// SignedIn says who is signed in; empty for nobody. SignURL is where to sign out
	// then, else where to sign in; empty where that is of no use.
	SignedIn string
	SignURL  templ.SafeURL
	// Linked says that the page was opened by a link; empty where it was not.
	Linked string
	// LookUp offers the first page.
	LookUp bool
	// Assets are the addresses of the files that every page loads.
	Assets Assets
	// Durations are the ways to say how long something takes, from less than a
	// second up, for a page that counts on by itself.
	Durations [4]string
}

// Assets are the addresses of static files. Icon is the one for the page's state.
type Assets struct{ Style, Script, Icon string }

// A Time is one instant, twice: for people and for machines.
type Time struct {
	Text, RFC3339 string
	// Age is how many seconds ago that was when the page was made; empty
	// where the page does not count on from there.
	Age string
}

// An Elapsed is how long a task took. Seconds is set while it runs, for the
// page to count on by itself.
type Elapsed struct {
	Text, Seconds string
}

// A Named is a thing with a name and an id; zero where it is not known.
type Named struct {
	Name, ID string
	// Note says more: what kind of thing, or where it is.
	Note string
}

// A Task is the page of one task. Texts that are empty are left out.
type Task struct {
	Page
	// Heading says how the task stands. While it runs, Elapsed follows.
	Heading string
	Elapsed Elapsed
	// Symbol and Status say the state in a shape and in words; StatusValue and
	// TypeValue are the API's words.
	Symbol, Status, StatusValue string
	Type, TypeValue             string

	ID, Directory           string
	Started, Ended, Checked Time
	Duration                Elapsed
	Failure                 Failure
	RequestID               string

	// Whom and what the task is about.
	Principal, Target, AccessConfiguration Named

	JSONURL, TextURL templ.SafeURL
	Curl             string
	Reload           Reload
}

// A Failure is why a task failed; zero where it did not.
type Failure struct {
	// Reason is CloudSSO's own words. More says how much of them is left out here.
	Reason, More string
	// Hint is our guess at the cause.
	Hint string
}

// A Reload is how a page offers to look again. It is zero where nothing can
// change any more, and the page says so instead.
type Reload struct {
	CheckURL templ.SafeURL
	// BeginURL makes the page load itself again Every so often, StopURL ends
	// that; one of them is set. They are for who has no JavaScript.
	BeginURL, StopURL templ.SafeURL
	Every             string
}

// A Board is the page of several tasks.
type Board struct {
	Page
	Heading string
	// Ended and Total feed the progress bar, and Progress says the same in words.
	Ended, Total, Progress string
	Rows                   []Row
	Checked                Time

	JSONURL, TextURL templ.SafeURL
	Reload           Reload
}

// A Row is one task among several.
type Row struct {
	ID                    string
	URL                   templ.SafeURL
	State, Symbol, Status string
	// Sentence says how the task stands, or why it could not be looked up.
	// While the task runs, Elapsed follows.
	Sentence string
	Elapsed  Elapsed
	// Subject says whom and what it is about; empty where that is not known.
	Subject string
	// Started is shown where the tasks did not begin together.
	Started Time
	Failure Failure
}

// A Recent is the page of a directory's recent tasks.
type Recent struct {
	Page
	Heading string
	Filters []Filter
	Rows    []Row
	Checked Time
	// WatchURL shows those of the rows that are open, live; empty where none is.
	WatchURL templ.SafeURL
	// FirstURL and NextURL turn pages; empty where there is none.
	FirstURL, NextURL templ.SafeURL

	JSONURL, TextURL templ.SafeURL
}

// A Filter narrows a list down to one of its choices.
type Filter struct {
	Name    string
	Choices []Choice
}

// A Choice is one value of a Filter, as a link to the list with it.
type Choice struct {
	Text    string
	URL     templ.SafeURL
	Current bool
}

// A SignIn is the page that asks for an access token.
type SignIn struct {
	Page
	Heading string
	// Action takes the form, and To is where it leads.
	Action templ.SafeURL
	To     string
	// Wrong says that the token before was not right, Ended that a link opens nothing
	// any more; empty where there was none.
	Wrong, Ended string
	// Known is set where the reader has signed in: the page only leads on.
	Known     bool
	RequestID string
}

// A Problem is the page of a request that could not be answered.
type Problem struct {
	Page
	Heading, Detail, Hint, RequestID string
	// Reload is set where the same request may soon be answered.
	Reload Reload
}
