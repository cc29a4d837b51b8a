package site

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

// maxTasks is how many tasks one request may ask for.
const maxTasks = 20

// oneID is the id in the path /tasks/{taskId}.
func oneID(e *exchange) ([]task.ID, error) {
	id, err := task.ParseID(strings.TrimPrefix(e.path, "/tasks/"))
	return []task.ID{id}, err
}

// severalIDs are those of ?id=a,b,c, which may as well be anything pasted that
// holds ids.
func severalIDs(e *exchange) ([]task.ID, error) {
	return parseIDs(strings.Join(e.query["id"], ","))
}

// oneTask answers GET /tasks/{taskId}.
func (s *Site) oneTask(e *exchange) (*answer, error) {
	ids, err := oneID(e)
	if err != nil {
		return nil, err
	}
	look, err := s.look(e, ids)
	if err != nil {
		return nil, err
	}
	r := look.results[0]
	if r.Err != nil {
		return nil, r.Err
	}
	a := s.lookAnswer(e, look)
	if a.notModified(e) {
		return a, nil
	}
	switch e.form {
	case asJSON:
		w := newWriter(1)
		w.document(&look.told.Tasks[0])
		a.body = w.line()
	case asText:
		a.body = []byte(line(r, e.now, e.language, look.told.Tasks[0].URL))
	default:
		a.body, err = s.taskPage(e, look)
	}
	return a, err
}

// severalTasks answers GET /tasks?id=a,b,c, and without id GET /tasks.
func (s *Site) severalTasks(e *exchange) (*answer, error) {
	if !e.query.Has("id") {
		return s.recentTasks(e)
	}
	ids, err := severalIDs(e)
	if err != nil {
		return nil, err
	}
	if len(ids) == 1 && e.form == asPage {
		return redirectTo(e, ids), nil
	}
	look, err := s.look(e, ids)
	if err != nil {
		return nil, err
	}
	a := s.lookAnswer(e, look)
	if a.notModified(e) {
		return a, nil
	}
	switch e.form {
	case asJSON:
		w := newWriter(len(ids))
		w.documents(&look.told)
		a.body = w.line()
	case asText:
		for i, r := range look.results {
			a.body = append(a.body, line(r, e.now, e.language, look.told.Tasks[i].URL)...)
		}
	default:
		a.body, err = s.boardPage(e, look)
	}
	return a, err
}

// pastedTasks answers POST /tasks, which is how the first page sends what was
// pasted into it: the text may be longer than an address can be, which leads to
// the tasks found in it.
func (s *Site) pastedTasks(e *exchange) (*answer, error) {
	form, err := e.posted()
	if err != nil {
		return nil, err
	}
	ids, err := parseIDs(strings.Join(form["id"], ","))
	if err != nil {
		return nil, err
	}
	return redirectTo(e, ids), nil
}

// parseIDs reads the ids out of a request, a bounded number of them.
func parseIDs(text string) ([]task.ID, error) {
	ids, err := task.ParseIDs(text)
	if len(ids) > maxTasks {
		return nil, task.Errorf(task.Invalid, task.Text{
			En: "%d tasks are too many for one request: it takes %d",
			Zh: "一次请求了 %d 个任务，最多 %d 个",
		}, len(ids), maxTasks)
	}
	return ids, err
}

// redirectTo leads to the page of the tasks, with what else was asked for.
func redirectTo(e *exchange, ids []task.ID) *answer {
	if len(ids) == 1 {
		return redirect(e.at("/tasks/"+string(ids[0]), "id", ""))
	}
	return redirect(e.at("/tasks", "id", idList(ids)))
}

// idList are the ids, by comma.
func idList(ids []task.ID) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return strings.Join(list, ",")
}

// A look is what looking some tasks up has brought.
type look struct {
	ids     []task.ID
	results []task.Result
	// told are the results as JSON tells them.
	told Documents
	// waited is how long the caller would have it held; asked, whether.
	waited time.Duration
	asked  bool
	// refresh is how often the page shall load itself again; zero for not at all.
	refresh time.Duration
}

// look looks the tasks up as the request asks for.
func (s *Site) look(e *exchange, ids []task.ID) (look, error) {
	directory, err := s.directory(e)
	if err != nil {
		return look{}, err
	}
	wait, asked, err := e.wait()
	if err != nil {
		return look{}, err
	}
	refresh, err := e.refresh()
	if err != nil {
		return look{}, err
	}
	l := look{ids: ids, waited: wait, asked: asked, refresh: refresh}
	l.results = s.Looker.Look(e.request.Context(), directory, ids, wait)
	if !e.linked.IsZero() {
		// Whom a task is about is not for everybody who reads a conversation.
		for i := range l.results {
			l.results[i].Task.Details = nil
		}
	}
	l.told = s.documents(e, l.results)
	// It may have taken a while: what follows speaks of the time after it.
	e.now = s.Now()
	entry.Tasks(e.request.Context(), l.results)
	return l, nil
}

// documents are the results as JSON tells them who asks over HTTP.
func (s *Site) documents(e *exchange, results []task.Result) Documents {
	return documents(results, e.language, func(t task.Task) string { return s.url(e, s.taskPath(t.Directory, t.ID)) })
}

// lookAnswer is the answer to a look, all but its body.
func (s *Site) lookAnswer(e *exchange, l look) *answer {
	a := &answer{
		status:      http.StatusOK,
		contentType: e.form.contentType(),
		localized:   true,
		cache:       revalidate,
		retryAfter:  task.NextLook(l.results, e.now),
		tag:         s.validator(e, l),
	}
	switch settled := settled(l.results); {
	case e.session: // a browser that others may use when it has been signed out
		a.cache = noStore
	case !e.linked.IsZero(): // which may end before the answer would
	case settled && !s.complete(l.results):
	case settled && e.form == asPage:
		a.cache = privatePage
	case settled:
		a.cache = doneDocument
	}
	if e.form == asPage && l.refresh > 0 && !settled(l.results) {
		a.set("Refresh", strconv.Itoa(seconds(l.refresh)))
	}
	if l.asked {
		a.set("Preference-Applied", "wait="+strconv.Itoa(int(l.waited/time.Second)))
	}
	return a
}

// complete reports whether nothing is missing that another look may bring.
func (s *Site) complete(results []task.Result) bool {
	return !s.Details || !slices.ContainsFunc(results, func(r task.Result) bool { return r.Err == nil && r.Task.Details == nil })
}

// Answer is what a direct invocation gets, which is what GET gets as JSON: the
// document of one task, or of several. Only a single one that could not be
// looked up is an error.
func (s *Site) Answer(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) (any, error) {
	if directory == "" {
		directory = s.Directories[0]
	}
	if err := task.Shown(directory, s.Directories); err != nil {
		return nil, err
	}
	results := s.Looker.Look(ctx, directory, ids, wait)
	entry.Tasks(ctx, results)
	told := s.Documents(results)
	if len(results) != 1 {
		return told, nil
	}
	return told.Tasks[0], results[0].Err
}

// Documents are tasks as JSON for a program that did not ask over HTTP.
func (s *Site) Documents(results []task.Result) Documents {
	return documents(results, task.English, func(t task.Task) string {
		if s.PublicURL == "" {
			return ""
		}
		return s.PublicURL + s.taskPath(t.Directory, t.ID)
	})
}

func redirect(to string) *answer {
	a := &answer{status: http.StatusSeeOther, cache: noStore}
	a.set("Location", to)
	return a
}
