package main

import (
	"errors"
	"fmt"
)

// readTemplateCard reads a card of the type text_notice, the only one that
// only informs.
func readTemplateCard(v *view, card object) error {
	if kind := card.text("card_type"); kind != "text_notice" {
		return fmt.Errorf("card_type %q: it must be text_notice", kind)
	}
	main := card.object("main_title")
	sub := card.text("sub_title_text")
	if main.text("title") == "" && sub == "" {
		return errors.New("main_title.title or sub_title_text is needed")
	}
	v.Title = main.text("title")
	if source := card.object("source").text("desc"); source != "" {
		v.add(smallText, plain(source)...)
	}
	if emphasis := card.object("emphasis_content"); len(emphasis) > 0 {
		v.add(heading, plain(emphasis.text("title"))...)
		v.add(smallText, plain(emphasis.text("desc"))...)
	}
	for _, text := range []string{main.text("desc"), sub} {
		if text != "" {
			v.add(paragraph, plain(text)...)
		}
	}
	if area := card.object("quote_area"); len(area) > 0 {
		for _, text := range []string{area.text("title"), area.text("quote_text")} {
			if text != "" {
				v.add(quote, plain(text)...)
			}
		}
	}
	pairs := card.objects("horizontal_content_list")
	if len(pairs) > 6 {
		return errors.New("horizontal_content_list has more than 6 members")
	}
	for _, pair := range pairs {
		if pair.text("keyname") == "" {
			return errors.New("horizontal_content_list: keyname is empty")
		}
		v.addField(plain(pair.text("keyname")), plain(pair.text("value")))
	}
	jumps := card.objects("jump_list")
	if len(jumps) > 3 {
		return errors.New("jump_list has more than 3 members")
	}
	for _, jump := range jumps {
		if jump.text("title") == "" {
			return errors.New("jump_list: title is empty")
		}
		if jump["type"] != 1.0 || !isWebURL(jump.text("url")) {
			return errors.New("jump_list: type 1 and a url are needed")
		}
		v.Buttons = append(v.Buttons, viewButton{jump.text("title"), jump.text("url")})
	}
	action := card.object("card_action")
	if action["type"] != 1.0 || !isWebURL(action.text("url")) {
		return errors.New("card_action: type 1 and a url are needed")
	}
	if len(jumps) == 0 {
		// The card itself is what one presses.
		v.Buttons = []viewButton{{"查看详情", action.text("url")}}
	}
	return nil
}
