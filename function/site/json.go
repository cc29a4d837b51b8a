package site

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// A writer writes documents as encoding/json does by their tags, which a test holds it
// to. That would learn all of their fields by reflection at the first use, while
// somebody waits for an instance that has just started, and takes three times as long
// after that.
type writer []byte

// newWriter returns a writer with room for so many documents, as most of them are.
func newWriter(tasks int) writer { return make(writer, 0, 640*tasks+256) }

func (w *writer) documents(d *Documents) {
	w.begin("")
	w.name("tasks")
	*w = append(*w, '[')
	for i := range d.Tasks {
		w.document(&d.Tasks[i])
	}
	w.end(']')
	w.flag("done", d.Done)
	w.begin("counts")
	w.number("failed", d.Counts.Failed)
	w.number("inProgress", d.Counts.InProgress)
	w.number("success", d.Counts.Success)
	w.number("unknown", d.Counts.Unknown)
	w.end('}')
	w.end('}')
}

func (w *writer) document(d *Document) {
	w.begin("")
	w.text("taskId", string(d.TaskID))
	w.known("directoryId", string(d.DirectoryID))
	w.known("taskType", string(d.TaskType))
	w.known("status", string(d.Status))
	if d.Done != nil {
		w.flag("done", *d.Done)
	}
	w.known("startTime", d.StartTime)
	w.known("endTime", d.EndTime)
	if d.DurationSeconds != nil {
		w.number("durationSeconds", int(*d.DurationSeconds))
	}
	w.known("failureReason", d.FailureReason)
	w.known("hint", d.Hint)
	if of := d.Details; of != nil {
		w.known("principalType", string(of.PrincipalType))
		w.known("principalId", of.PrincipalID)
		w.known("principalName", of.PrincipalName)
		w.known("targetType", of.TargetType)
		w.known("targetId", of.TargetID)
		w.known("targetName", of.TargetName)
		w.known("targetPath", of.TargetPath)
		w.known("targetPathName", of.TargetPathName)
		w.known("accessConfigurationId", of.AccessConfigurationID)
		w.known("accessConfigurationName", of.AccessConfigurationName)
	}
	w.known("requestId", d.RequestID)
	w.known("url", d.URL)
	if p := d.Problem; p != nil {
		w.begin("problem")
		w.text("type", p.Type)
		w.text("title", p.Title)
		w.number("status", p.Status)
		w.known("detail", p.Detail)
		w.known("requestId", p.RequestID)
		w.known("hint", p.Hint)
		w.flag("retryable", p.Retryable)
		w.end('}')
	}
	w.end('}')
}

// begin begins an object, as the value of a name or, without one, of a list or by itself.
func (w *writer) begin(name string) {
	if name != "" {
		w.name(name)
	}
	*w = append(*w, '{')
}

// end ends an object or a list, in the place of the comma after the last in it. One more follows.
func (w *writer) end(with byte) {
	*w = append(bytes.TrimSuffix(*w, []byte{','}), with, ',')
}

func (w *writer) name(name string) {
	*w = append(append(append(*w, '"'), name...), '"', ':')
}

// known writes a text unless it is empty.
func (w *writer) known(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) text(name, value string) {
	w.name(name)
	*w = append(appendText(*w, value), ',')
}

func (w *writer) number(name string, value int) {
	w.name(name)
	*w = append(strconv.AppendInt(*w, int64(value), 10), ',')
}

func (w *writer) flag(name string, value bool) {
	w.name(name)
	*w = append(strconv.AppendBool(*w, value), ',')
}

// line returns what was written, as a line.
func (w *writer) line() []byte {
	(*w)[len(*w)-1] = '\n' // in the place of the last comma
	return *w
}

// appendText writes a text. What is more than plain ASCII is encoding/json's to escape.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(b, bytes.TrimSuffix(encode(text), []byte{'\n'})...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// encode writes JSON as people read it: with "<" as "<".
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		// The documents hold nothing that cannot be encoded.
		panic(err)
	}
	return b.Bytes()
}
