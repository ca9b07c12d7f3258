package delivery

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Migrations is what a migration tool reports of a database.
type Migrations struct {
	Tool     string // "atlas", "flyway" or "liquibase"
	Database string // as the tool names it; without credentials
	Items    []Migration
}

// Migration is one change of the schema.
type Migration struct {
	ID    string // version, file name or changeset
	State string // pending, applied or failed
	// Lint are what the tool warns of, by its codes.
	Lint []Diagnostic
}

// Diagnostic is one warning of a linter, for example Atlas' DS102, a dropped table.
type Diagnostic struct{ Code, Text string }

// Count is the number of migrations in a state.
func (m *Migrations) Count(state string) int {
	n := 0
	for _, item := range m.Items {
		if item.State == state {
			n++
		}
	}
	return n
}

// MigrationReport reads `atlas migrate lint --format '{{ json . }}'`, `flyway info
// -outputType=json`, or the text of `liquibase status --verbose`.
func MigrationReport(data []byte) (*Migrations, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("reading migration report: %d bytes, limit %d: %w", len(data), MaxBytes, ErrTooLarge)
	}
	head := bytes.TrimSpace(data)
	if len(head) == 0 || head[0] != '{' {
		return liquibase(data)
	}
	members, err := strictjson.Members(data, strictjson.Limits{Bytes: MaxBytes, Depth: maxDepth})
	if err != nil {
		return nil, fmt.Errorf("reading migration report: %w", err)
	}
	switch {
	case members["Env"] != nil && (members["Files"] != nil || members["Steps"] != nil):
		return atlas(data)
	case members["flywayVersion"] != nil:
		return flyway(data)
	}
	return nil, errors.New("reading migration report: neither Atlas lint (Env and Files) nor Flyway info (flywayVersion)")
}

// atlas reads https://atlasgo.io/versioned/lint, SummaryReport.
func atlas(data []byte) (*Migrations, error) {
	var doc struct {
		Env struct {
			Driver string `json:"Driver"`
		} `json:"Env"`
		Steps []struct {
			Name  string `json:"Name"`
			Error string `json:"Error"`
		} `json:"Steps"`
		Files []struct {
			Name    string `json:"Name"`
			Error   string `json:"Error"`
			Reports []struct {
				Text        string       `json:"Text"`
				Diagnostics []Diagnostic `json:"Diagnostics"`
			} `json:"Reports"`
		} `json:"Files"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading Atlas report: %w", err)
	}
	for _, s := range doc.Steps {
		// A step that failed has looked at nothing after it. Lint errors of a file stand
		// with the file as well.
		if s.Error != "" && len(doc.Files) == 0 {
			return nil, fmt.Errorf("reading Atlas report: the step %q failed: %.200s", s.Name, s.Error)
		}
	}
	m := &Migrations{Tool: "atlas", Database: doc.Env.Driver}
	for _, f := range doc.Files {
		item := Migration{ID: f.Name, State: "pending"}
		for _, r := range f.Reports {
			item.Lint = append(item.Lint, r.Diagnostics...)
		}
		if f.Error != "" && len(item.Lint) == 0 {
			item.State = "failed"
		}
		m.Items = append(m.Items, item)
	}
	return m.checked()
}

// flyway reads the result of `info`.
// https://documentation.red-gate.com/flyway/reference/commands/info
func flyway(data []byte) (*Migrations, error) {
	var doc struct {
		Database   string          `json:"database"`
		Operation  string          `json:"operation"`
		Error      json.RawMessage `json:"error"`
		Migrations []struct {
			Version     string `json:"version"`
			Description string `json:"description"`
			State       string `json:"state"`
		} `json:"migrations"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading Flyway report: %w", err)
	}
	if doc.Operation != "info" || len(doc.Error) > 0 && string(doc.Error) != "null" {
		return nil, fmt.Errorf("reading Flyway report: it is the result of %q or an error; want that of info", doc.Operation)
	}
	m := &Migrations{Tool: "flyway", Database: doc.Database}
	for _, x := range doc.Migrations {
		id := x.Version
		if id == "" {
			id = x.Description // repeatable migrations have no version
		}
		m.Items = append(m.Items, Migration{ID: id, State: flywayState(x.State)})
	}
	return m.checked()
}

// flywayState sorts the 18 states of Flyway into three. What is not certainly applied
// or waiting counts as failed: missing, future, outdated and superseded ones too.
func flywayState(state string) string {
	switch state {
	case "Success", "Baseline", "Out of Order", "Undone":
		return "applied"
	case "Pending", "Above Target", "Available":
		return "pending"
	}
	return "failed"
}

// Lines are bounded where they are read: counted repetitions of any length would be
// compiled at every start of the program.
var (
	liquibaseCount = regexp.MustCompile(`^([0-9]{1,6}) change ?sets? ha(?:s|ve) not been applied to (.+)$`)
	liquibaseNone  = regexp.MustCompile(`^(.+) is up to date$`)
	changeset      = regexp.MustCompile(`^\s+(\S.*::.+::.+)$`)
)

// liquibase reads the text of `status --verbose`: Liquibase writes no other form of it.
// https://docs.liquibase.com/commands/status/status.html
func liquibase(data []byte) (*Migrations, error) {
	m := &Migrations{Tool: "liquibase"}
	want, found := 0, false
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if c := liquibaseCount.FindStringSubmatch(line); c != nil {
			if found {
				return nil, errors.New("reading Liquibase status: it tells of two databases")
			}
			n, err := strconv.Atoi(c[1])
			if err != nil {
				return nil, fmt.Errorf("reading Liquibase status: %w", err)
			}
			want, found, m.Database = n, true, c[2]
		} else if c := liquibaseNone.FindStringSubmatch(line); c != nil && !found {
			found, m.Database = true, c[1]
		} else if c := changeset.FindStringSubmatch(line); c != nil && found {
			m.Items = append(m.Items, Migration{ID: c[1], State: "pending"})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading Liquibase status: %w", err)
	}
	switch {
	case !found:
		return nil, errors.New("reading migration report: neither Atlas lint, Flyway info nor Liquibase status")
	case want != len(m.Items):
		return nil, fmt.Errorf("reading Liquibase status: it counts %d changesets and names %d; run it with --verbose", want, len(m.Items))
	}
	return m.checked()
}

// checked refuses migrations without a name, and more than a file may hold.
func (m *Migrations) checked() (*Migrations, error) {
	if len(m.Items) > MaxDocuments {
		return nil, fmt.Errorf("reading migration report: more than %d migrations: %w", MaxDocuments, ErrTooLarge)
	}
	for i, item := range m.Items {
		if item.ID == "" {
			return nil, fmt.Errorf("reading migration report: migration %d has no name", i+1)
		}
	}
	return m, nil
}
