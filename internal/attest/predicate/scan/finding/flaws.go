package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
)

// Flaws collects findings of static analysis by fingerprint.
type Flaws struct {
	All  map[string]gatekeep.SASTFinding
	seen map[string]int // further ones with the same fingerprint
}

// Add takes one finding. Two with one fingerprint stay two: the later is "NAME#2".
func (fs *Flaws) Add(fingerprint string, f gatekeep.SASTFinding) {
	if fs.All == nil {
		fs.All, fs.seen = map[string]gatekeep.SASTFinding{}, map[string]int{}
	}
	key := fingerprint
	for _, taken := fs.All[key]; taken; _, taken = fs.All[key] {
		fs.seen[fingerprint]++
		key = fingerprint + "#" + strconv.Itoa(fs.seen[fingerprint]+1)
	}
	fs.All[key] = f
}

// Place is a fingerprint of where something was found: "sha256:" and hex.
func Place(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "|")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// At is a location as findings write it: file and line, or what is known of them.
func At(file string, line int) string {
	if line > 0 {
		return file + ":" + strconv.Itoa(line)
	}
	return file
}

// Flaw is the severity of a flaw: a word or a score, where negligible counts as low;
// facts about flaws have no word for it.
func Flaw(text string) string {
	if severity := Severity(text); severity != Negligible {
		return severity
	}
	return Low
}
