package cloudsso

import "encoding/json"

// An object is a JSON object of an answer, whose fields are read one by one. Into
// structs encoding/json is slow the first time, when it learns them by reflection,
// and the first time is what somebody waits for while an instance starts.
type object struct {
	fields map[string]any
	// wrong is shared by all objects of an answer: a field was of another type.
	wrong *bool
}

// parse returns the object that the JSON is, and false where it is none.
func parse(body []byte) (object, bool) {
	o := object{wrong: new(bool)}
	err := json.Unmarshal(body, &o.fields)
	return o, err == nil && o.fields != nil
}

// field returns a field, and its zero where it is absent, null, or of another type.
func field[T any](o object, name string) (value T) {
	found, ok := o.fields[name]
	if !ok || found == nil {
		return value
	}
	value, ok = found.(T)
	if !ok {
		*o.wrong = true
	}
	return value
}

func (o object) text(name string) string { return field[string](o, name) }

// object returns the object in a field, which has no fields where there is none.
func (o object) object(name string) object {
	return object{field[map[string]any](o, name), o.wrong}
}
