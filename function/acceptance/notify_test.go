package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	chrome "github.com/chromedp/cdproto/browser"
)

const notifyButton = "Notify me when it ends"

func TestNotification(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		click bool
		want  int
	}{
		{"wanted", true, 1}, {"not asked for", false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := watchEnd(t, here, "Failed", permission("notifications", chrome.PermissionSettingGranted))
			if buttons := shownButtons(b); !slices.Contains(buttons, notifyButton) {
				t.Errorf("it offers %q", buttons)
			}
			if test.click {
				evaluate[any](b, `document.querySelector("[data-action=notify]").focus()`)
				b.press("\r")
				b.wait(`document.querySelector("#say").textContent === "You will be notified when it ends"`)
				if buttons := shownButtons(b); slices.Contains(buttons, notifyButton) {
					t.Errorf("it still offers %q", buttons)
				}
				frame(b)
				checkFocusIsNotLost(b)
			}
			b.wait(ended)
			b.pass(time.Minute)
			notified := evaluate[[]string](b, `seen.notified`)
			if len(notified) != test.want {
				t.Fatalf("it notifies of %q, want %d", notified, test.want)
			}
			if test.want > 0 && !strings.HasPrefix(notified[0], "Access was not assigned: failed after ") {
				t.Errorf("it notifies of %q", notified)
			}
		})
	}
}

func TestNotificationsDenied(t *testing.T) {
	t.Parallel()
	b := watch(t, here, everySecond, permission("notifications", chrome.PermissionSettingDenied))
	if buttons := shownButtons(b); slices.Contains(buttons, notifyButton) || !slices.Contains(buttons, "Pause") {
		t.Errorf("it offers %q", buttons)
	}
}
