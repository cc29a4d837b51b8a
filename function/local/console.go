package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxCreated bounds the tasks that one request makes.
const maxCreated = 1000

// A console takes what does not come through the HTTP trigger: invocations in
// the form of FC's own API, the other triggers, and orders to the simulation.
type console struct {
	function *function
	queue    *queue
	timers   *timers
	now      func() time.Time
	verifier *verifier
	rights   rights
	// Only of a simulation.
	cloudSSO *cloudSSO
	events   *eventBus
	keys     *keyring
	gateway  *skewedClock
}

func (c *console) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2023-03-30/functions/{name}/invocations", c.serveInvokeFunction)
	mux.HandleFunc("POST /invoke", c.serveInvocation)
	mux.HandleFunc("GET /rights", c.serveRights)
	mux.HandleFunc("POST /rights", c.serveChangeRights)
	mux.HandleFunc("POST /event", c.serveEvent)
	mux.HandleFunc("POST /timer", c.serveTimer)
	mux.HandleFunc("GET /timers", c.serveTimers)
	mux.HandleFunc("POST /timers", c.serveAddTimer)
	mux.HandleFunc("DELETE /timers", c.serveClearTimers)
	mux.HandleFunc("GET /timers/faults", c.serveTimerFaults)
	mux.HandleFunc("POST /timers/faults", c.serveAddTimerFault)
	mux.HandleFunc("DELETE /timers/faults", c.serveClearTimerFaults)
	mux.HandleFunc("GET /queue", c.serveQueue)
	mux.HandleFunc("GET /destinations", c.serveDestinations)
	mux.HandleFunc("DELETE /destinations", c.serveClearDestinations)
	mux.HandleFunc("POST /instances/kill", c.serveKill)
	if c.cloudSSO != nil {
		mux.HandleFunc("POST /tasks", c.serveCreate)
		mux.HandleFunc("GET /events", c.serveEvents)
		mux.HandleFunc("POST /events", c.serveChangeEvents)
		mux.HandleFunc("GET /faults", c.serveFaults)
		mux.HandleFunc("POST /faults", c.serveAddFault)
		mux.HandleFunc("DELETE /faults", c.serveClearFaults)
		mux.HandleFunc("GET /stats", c.serveStats)
		mux.HandleFunc("POST /clock", c.serveSkew)
		mux.HandleFunc("GET /credentials", c.serveCredentials)
		mux.HandleFunc("DELETE /credentials", c.serveWithdraw)
		mux.HandleFunc("POST /credentials/rotate", c.serveRotate)
	}
	// A page that happens to be open in a browser must not give orders.
	return http.NewCrossOriginProtection().Handler(mux)
}

// serveInvocation runs the function with the request's body. Unlike FC's own
// API it asks for no signature.
func (c *console) serveInvocation(w http.ResponseWriter, r *http.Request) {
	payload, ok := readPayload(w, r)
	if ok {
		c.run(w, r, payload)
	}
}

// readPayload returns the request's body, or answers that it cannot.
func readPayload(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		badRequest(w, err)
	}
	return payload, err == nil
}

// run invokes the function and answers as FC's API does, which is with 200
// whatever became of the function.
func (c *console) run(w http.ResponseWriter, r *http.Request, payload []byte) {
	requestID := invocationID(c.now())
	w.Header().Set("X-Fc-Request-Id", requestID)
	if c.queue.take(w, r, requestID, payload) {
		return
	}
	end, err := c.function.invoke(r.Context(), &invocation{requestID: requestID, payload: payload, wantsLog: wantsLog(r)})
	if err != nil {
		(&fcError{http.StatusInternalServerError, "InternalServerError", err.Error()}).write(w, requestID)
		return
	}
	setLog(w, end)
	if end.ending != succeeded {
		w.Header().Set("X-Fc-Error-Type", unhandledError)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(end.payload)
}

// serveTimer sends what a timer trigger sends. The time can be chosen, as a
// tick may come late or twice.
func (c *console) serveTimer(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	due := cmp.Or(query.Get("time"), c.now().UTC().Format(timeLayout))
	c.run(w, r, timerEvent(due, cmp.Or(query.Get("name"), "timer"), query.Get("payload")))
}

// serveKill has the machine under every busy instance fail.
func (c *console) serveKill(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]int{"killed": c.function.killBusy()})
}

// serveCreate makes tasks as they are wanted, and answers as their creator would.
func (c *console) serveCreate(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	spec := taskSpec{
		directory: cmp.Or(query.Get("directory"), c.cloudSSO.directories[0]),
		taskType:  cmp.Or(query.Get("type"), createAssignment),
		outcome:   query.Get("status"),
		reason:    query.Get("reason"),
		instant:   query.Has("seconds"),
	}
	length, err := numberParam(query, "seconds", 0)
	age, err2 := numberParam(query, "age", 0)
	count, err3 := numberParam(query, "count", 1)
	switch err := cmp.Or(err, err2, err3); {
	case err != nil:
		badRequest(w, err)
		return
	case !slices.Contains(c.cloudSSO.directories, spec.directory):
		badRequest(w, fmt.Errorf("directory must be one of %v", c.cloudSSO.directories))
		return
	case !slices.Contains(taskTypes, spec.taskType):
		badRequest(w, fmt.Errorf("type must be one of %v", taskTypes))
		return
	case !slices.Contains([]string{"", statusSuccess, statusFailed}, spec.outcome):
		badRequest(w, errors.New("status must be Success or Failed: it is how the task ends"))
		return
	case count < 1 || count > maxCreated:
		badRequest(w, fmt.Errorf("count must be 1 to %d", maxCreated))
		return
	}
	spec.length = time.Duration(length * float64(time.Second))
	spec.age = time.Duration(age * float64(time.Second))
	_, answer := c.cloudSSO.order(spec, int(count))
	writeJSON(w, http.StatusOK, answer)
}

// numberParam returns a number that is not negative.
func numberParam(query url.Values, name string, absent float64) (float64, error) {
	if !query.Has(name) {
		return absent, nil
	}
	number, err := strconv.ParseFloat(query.Get(name), 64)
	if err != nil || !(number >= 0 && number <= 1e8) {
		return 0, fmt.Errorf("%s must be a number that is not negative", name)
	}
	return number, nil
}

func (c *console) serveAddFault(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	count, err := numberParam(query, "count", 0)
	millis, err2 := numberParam(query, "ms", 0)
	added := fault{Kind: query.Get("kind"), Action: query.Get("action"), Count: int(count), Millis: int(millis)}
	if _, ok := c.cloudSSO.actions()[added.Action]; !ok && added.Action != "" {
		badRequest(w, fmt.Errorf("action %q is unknown", added.Action))
		return
	}
	if err := cmp.Or(err, err2); err != nil {
		badRequest(w, err)
		return
	}
	if err := added.check(); err != nil {
		badRequest(w, err)
		return
	}
	c.cloudSSO.faults.add(added)
	c.serveFaults(w, r)
}

func (c *console) serveFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"faults": c.cloudSSO.faults.active()})
}

func (c *console) serveClearFaults(w http.ResponseWriter, r *http.Request) {
	c.cloudSSO.faults.clear()
	c.serveFaults(w, r)
}

func (c *console) serveStats(w http.ResponseWriter, _ *http.Request) {
	stats := c.cloudSSO.snapshot()
	stats.Invocations = c.queue.invokedLater()
	writeJSON(w, http.StatusOK, stats)
}

// serveCredentials answers as a credentials URI does, so that any client can
// be pointed at the stand-in with ALIBABA_CLOUD_CREDENTIALS_URI.
func (c *console) serveCredentials(w http.ResponseWriter, _ *http.Request) {
	current, err := c.keys.issue()
	if err != nil {
		badRequest(w, err)
		return
	}
	writeCredentials(w, current)
}

// serveRotate issues a new key; with expire=true the earlier ones end now.
func (c *console) serveRotate(w http.ResponseWriter, r *http.Request) {
	writeCredentials(w, c.keys.replace(r.URL.Query().Get("expire") == "true"))
}

// serveWithdraw takes the function's role away, until there is a new key.
func (c *console) serveWithdraw(w http.ResponseWriter, _ *http.Request) {
	c.keys.withdraw()
	writeCredentials(w, key{})
}

func writeCredentials(w http.ResponseWriter, issued key) {
	writeJSON(w, http.StatusOK, map[string]string{
		"Code":            "Success",
		"AccessKeyId":     issued.ID,
		"AccessKeySecret": issued.Secret,
		"SecurityToken":   issued.Token,
		"Expiration":      issued.Expires.UTC().Format(timeLayout),
	})
}

func badRequest(w http.ResponseWriter, err error) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}
