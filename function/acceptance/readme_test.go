package acceptance

import (
	"bufio"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// root is where the README is.
const root = "../.."

// readme returns the project's README.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A block is what stands between two fences of the README.
type block struct {
	section, language, text string
	line                    int // of its first line
}

// blocks returns the README's fenced blocks.
func blocks(readme string) (found []block) {
	var section string
	var open *block
	for i, line := range strings.Split(readme, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{section: section, language: language, line: i + 2}
		case fence:
			found, open = append(found, *open), nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "## "):
			section = line
		}
	}
	return found
}

// scripts returns what a block has a shell do: all of it, or what a workflow or
// Terraform hands to one.
func (b block) scripts() []string {
	switch b.language {
	case "sh":
		return []string{b.text}
	case "yaml":
		return excerpts(b.text, `(?s)run: \|\n(.*)`)
	case "hcl":
		return excerpts(b.text, `(?s)<<-EOT\n(.*?)\n +EOT`)
	}
	return nil
}

func excerpts(text, pattern string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// programs stand in for those that the README has people call, and what they call is
// the machine. curl is the real one, which here fails where its answer is an error; make
// is too, in a copy of the project.
var programs = map[string]string{
	"curl": `exec "$REAL_CURL" --fail-with-body "$@"`,
	"make": `exec "$REAL_MAKE" --no-print-directory -C "$COPY" "$@"`,
	"s":    `case "$*" in *deploy*) echo "s $*" ;; *) exit 1 ;; esac`,
	"aliyun": `
for last; do :; done
case "$1 $2" in
"cloudsso CreateAccessAssignment")
	exec "$REAL_CURL" -sS --fail-with-body -X POST "$CONSOLE/tasks?type=CreateAccessAssignment&seconds=1&status=Success" ;;
"fc InvokeFunction")
	exec "$REAL_CURL" -sS --fail-with-body -d "$last" "$CONSOLE/invoke" ;;
"fc POST")
	exec "$REAL_CURL" -sS --fail-with-body -H "X-Fc-Invocation-Type: Async" -d "$last" "$CONSOLE/invoke" ;;
"ram CreateRole")
	echo '{"Role":{"Arn":"acs:ram::1234567890123456:role/cloudsso-task-status"}}' ;;
"ram Get"*)
	echo "ErrorCode: EntityNotExist" >&2; exit 1 ;;
"ram "*)
	echo '{}' ;;
*)
	echo "aliyun: $* is not what it is called for" >&2; exit 1 ;;
esac`,
}

// A reader does what the README says.
type reader struct {
	open, guarded *machine // as make run has it, and as it is deployed
	environ       []string
	copy          string // of the project
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{open: newMachine(t), guarded: newMachine(t, "ACCESS=token"), copy: copyProject(t)}
	path := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.environ = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "COPY="+r.copy, "CONSOLE="+r.guarded.console,
		"PUBLIC_URL="+r.guarded.front, "TOKEN=local", "DIRECTORY="+directory, "ROLE_ARN=acs:ram::1234567890123456:role/cloudsso-task-status")
	for _, name := range []string{"curl", "make", "jq"} {
		real, err := exec.LookPath(name)
		if err != nil {
			missing(t, "COMMANDS OF THE README", "no "+name+" found")
		}
		r.environ = append(r.environ, "REAL_"+strings.ToUpper(name)+"="+real)
	}
	return r
}

// run has a shell run a script, which must not fail.
func (r *reader) run(t *testing.T, dir, script string) {
	t.Helper()
	shell := exec.Command("sh", "-eu", "-c", script)
	shell.Dir, shell.Env = dir, r.environ
	output, err := shell.CombinedOutput()
	said := string(output)
	wrong := regexp.MustCompile(`"errorMessage"|"ok":false|"type":"/problems/`).FindString(said)
	// What writes a file, or compares two, need not say so.
	if err != nil || wrong != "" || said == "" && !regexp.MustCompile(`> |\bcmp\b`).MatchString(script) {
		t.Errorf("%v %s\n%s\nof\n%s", err, wrong, said, script)
	}
}

// copyProject copies what the project is made of, without what was made of it.
func copyProject(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "build", "node_modules"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestReadmeScripts has a shell run every script of the README as it stands there, but
// for addresses and what stands for the reader's own. The scripts of one section go on
// from each other.
func TestReadmeScripts(t *testing.T) {
	reader := newReader(t)
	here := strings.NewReplacer(
		"http://127.0.0.1:9000", reader.open.front, "http://127.0.0.1:9001", reader.open.console, "http://127.0.0.1:9003", reader.open.chat,
		"https://status.example.com", reader.guarded.front,
		" …", "", "${self.input.account}", "1142405247840001", "${self.input.user}", "u-00q8wbq42wiltcrk0001",
	)
	dirs := make(map[string]string)
	ran := 0
	for _, b := range blocks(readme(t)) {
		for _, script := range b.scripts() {
			if dirs[b.section] == "" {
				dirs[b.section] = filepath.Join(t.TempDir(), "project") // beside which there is room
				if err := os.Mkdir(dirs[b.section], 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(script, "make ") {
				continue // see TestReadmeMake
			}
			ran++
			t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) {
				reader.run(t, dirs[b.section], here.Replace(script))
			})
		}
	}
	for _, command := range excerpts(readme(t), "`(curl [^`]*)`") {
		ran++
		t.Run(command, func(t *testing.T) {
			reader.run(t, reader.copy, strings.ReplaceAll(command, `\|`, "|")) // as a table has it
		})
	}
	if ran < 10 {
		t.Errorf("the README has %d scripts", ran)
	}
}

// TestReadmeMake starts what the README has make start, and opens the page. Whatever
// else it has make do is a target that there is, with variables that count.
func TestReadmeMake(t *testing.T) {
	text := readme(t)
	copied := copyProject(t)
	started := 0
	for _, b := range blocks(text) {
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if !strings.HasPrefix(line, "make run") {
				continue
			}
			started++
			t.Run(strings.TrimSpace(line), func(t *testing.T) { startWithMake(t, copied, line) })
		}
	}
	if started < 3 {
		t.Errorf("the README has make run %d times", started)
	}
	said := 0
	for _, command := range regexp.MustCompile("(?m)`((?:[A-Z_]+=\\S+ )*make [^`]*)`|^((?:[A-Z_]+=\\S+ )*make .*)$").FindAllStringSubmatch(text, -1) {
		command := strings.Split(command[1]+command[2], "<")[0]
		said++
		dry := exec.Command("sh", "-ec", strings.Replace(command, "make ", "make -n ", 1))
		dry.Dir = copied
		if output, err := dry.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", command, err, output)
		}
	}
	if said < 15 {
		t.Errorf("the README speaks of %d commands of make", said)
	}
}

// startWithMake runs a line as a reader would, on ports that are free, until the page
// can be seen.
func startWithMake(t *testing.T, dir, line string) {
	const ports = "-addr 127.0.0.1:0 -console 127.0.0.1:0 -cloudsso 127.0.0.1:0 -chat 127.0.0.1:0"
	line = strings.TrimSpace(line)
	if with, ok := strings.CutPrefix(line, "make run ARGS='"); ok {
		line = "make run ARGS='" + ports + " " + with
	} else {
		line += " ARGS='" + ports + "'"
	}
	shell := exec.Command("sh", "-euc", "exec "+line)
	shell.Dir, shell.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	output, err := shell.StdoutPipe()
	if err == nil {
		err = shell.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-shell.Process.Pid, syscall.SIGTERM)
		shell.Wait()
	}()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if front, ok := strings.CutPrefix(lines.Text(), "front "); ok {
			response, err := http.Get(front)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", front, response.Status)
			}
			return
		}
	}
	t.Error("it does not say where the page is")
}

// TestReadmeLinks: what the README leads to within the project is there.
func TestReadmeLinks(t *testing.T) {
	text := readme(t)
	anchors := make(map[string]bool)
	for _, heading := range excerpts(text, `(?m)^#+ (.*)$`) {
		anchor := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
		anchors["#"+strings.ReplaceAll(anchor, " ", "-")] = true
	}
	for _, link := range append(excerpts(text, `\]\(([^)]+)\)`), excerpts(text, `src="([^"]+)"`)...) {
		switch {
		case strings.Contains(link, "://"):
		case strings.HasPrefix(link, "#"):
			if !anchors[link] {
				t.Errorf("no heading is %s", link)
			}
		default:
			if _, err := os.Stat(filepath.Join(root, link)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, name := range excerpts(text, "`((?:function|web|templates)/[a-z_/.]+)`") {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}
