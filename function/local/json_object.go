package main

import "encoding/json"

// An object is a JSON object as it was sent. Its members are looked up by
// their exact names, where Go's own decoder would take them in any case.
type object map[string]any

// readObject reads a JSON object.
func readObject(data []byte) (object, bool) {
	var o object
	err := json.Unmarshal(data, &o)
	return o, err == nil && o != nil
}

// text returns a member that is a string, else nothing.
func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

// flag returns a member that is true or false.
func (o object) flag(name string) bool {
	b, _ := o[name].(bool)
	return b
}

// object returns a member that is an object, else an empty one.
func (o object) object(name string) object {
	inner, _ := o[name].(map[string]any)
	return inner
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// objects returns a member that is a list of objects. It is nil when the
// member is anything else.
func (o object) objects(name string) []object {
	list, _ := o[name].([]any)
	var members []object
	for _, item := range list {
		inner, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		members = append(members, inner)
	}
	return members
}

// texts returns the strings of a list.
func (o object) texts(name string) []string {
	list, _ := o[name].([]any)
	var members []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			members = append(members, s)
		}
	}
	return members
}
