package site

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"taskstatus/function/task"
)

// LinkLife is how long the link in a message opens its tasks: whoever comes back
// from a week away finds them. The page to sign in says so too.
const LinkLife = 7 * 24 * time.Hour

// linkParameters are those of a link, as Links have them.
var linkParameters = []string{"expires", "signature"}

// isLink reports whether the request has them, right or wrong.
func (e *exchange) isLink() bool { return e.query.Has("signature") }

// Links are what opens tasks to whoever has them, and nothing else.
type Links interface {
	// Link returns the parameters of a link that opens the subject until then.
	Link(subject string, until time.Time) url.Values
	// Opens returns until when a link with these parameters opens the subject, and
	// otherwise an error.
	Opens(subject string, parameters url.Values, now time.Time) (until time.Time, err error)
}

// linkSubject is what a link to tasks opens.
func linkSubject(directory task.DirectoryID, ids []task.ID) string {
	text := string(directory)
	for _, id := range ids {
		text += " " + string(id)
	}
	return text
}

// Link is where a message leads that is about these tasks of a directory: their
// page, which it opens to whoever has it for a week. It is empty where PublicURL is.
func (s *Site) Link(directory task.DirectoryID, ids []task.ID) string {
	if s.PublicURL == "" {
		return ""
	}
	return s.PublicURL + s.tasksPath(directory, ids, s.Now().Add(LinkLife))
}

// tasksPath is where a page about tasks is on this site, with what opens it until
// then; zero for nothing.
func (s *Site) tasksPath(directory task.DirectoryID, ids []task.ID, until time.Time) string {
	parameters := make(url.Values)
	if s.Links != nil && !until.IsZero() {
		parameters = s.Links.Link(linkSubject(directory, ids), until)
	}
	if directory != s.Directories[0] {
		parameters.Set("directory", string(directory))
	}
	path := "/tasks"
	if len(ids) == 1 {
		path += "/" + string(ids[0])
	} else {
		parameters.Set("id", idList(ids))
	}
	if len(parameters) == 0 {
		return path
	}
	return path + "?" + strings.ReplaceAll(parameters.Encode(), "%2C", ",")
}

// taskPath is where a task's page is on this site.
func (s *Site) taskPath(directory task.DirectoryID, id task.ID) string {
	return s.tasksPath(directory, []task.ID{id}, time.Time{})
}

// opened reports whether the request came by a link to the tasks that it asks for.
func (s *Site) opened(e *exchange, tasks func(*exchange) ([]task.ID, error)) bool {
	if s.Links == nil || !e.isLink() {
		return false
	}
	ids, err := tasks(e)
	if err != nil {
		return false
	}
	directory, err := s.directory(e)
	if err != nil {
		return false
	}
	e.linked, err = s.Links.Opens(linkSubject(directory, ids), e.query, e.now)
	e.log(slog.Bool("link", err == nil))
	return err == nil
}
