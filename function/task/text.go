package task

// A Language is one that people are answered in. The zero value is English.
type Language uint8

// The languages.
const (
	English Language = iota
	Chinese
)

// Tag is the BCP 47 language tag: "en" or "zh-CN".
func (l Language) Tag() string {
	if l == Chinese {
		return "zh-CN"
	}
	return "en"
}

// Text is one text for people, in every Language.
type Text struct{ En, Zh string }

// In returns the text in l.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
}

// Text names the status in words; one that is not known is named by itself.
// The Chinese words are those of Alibaba's own API page.
func (s Status) Text() Text {
	switch s {
	case InProgress:
		return Text{"In progress", "执行中"}
	case Success:
		return Text{"Success", "执行成功"}
	case Failed:
		return Text{"Failed", "执行失败"}
	}
	return Text{string(s), string(s)}
}

// Symbol is the shape that goes with the status, so that colour is never all
// that tells states apart.
func (s Status) Symbol() string {
	switch s {
	case InProgress:
		return "…"
	case Success:
		return "✓"
	case Failed:
		return "✕"
	}
	return "?"
}

// Text names the type in words; one that is not known is named by itself.
// The Chinese words are those of Alibaba's own API page.
func (t Type) Text() Text {
	switch t {
	case ProvisionAccessConfiguration:
		return Text{"Provision access configuration", "部署访问配置"}
	case DeprovisionAccessConfiguration:
		return Text{"De-provision access configuration", "解除访问配置部署"}
	case CreateAccessAssignment:
		return Text{"Assign access to an account", "在 RD 账号上授权"}
	case DeleteAccessAssignment:
		return Text{"Remove access from an account", "移除 RD 账号上的授权"}
	}
	return Text{string(t), string(t)}
}
