package services

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a service that gives one status after the other.
type answers struct {
	t        *testing.T
	statuses []int
	body     string
	asked    int
	err      error
}

func (a *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil || string(body) != "question" {
		a.t.Errorf("attempt %d is asked %q, %v", a.asked+1, body, err)
	}
	a.asked++
	if a.err != nil {
		return nil, a.err
	}
	status := a.statuses[min(a.asked, len(a.statuses))-1]
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(a.body)), Request: request}, nil
}

func ask(t *testing.T, ctx context.Context, service *answers) (string, error) {
	t.Helper()
	service.t = t
	client := http.Client{Transport: caller{ctx, service}}
	response, err := client.Post("http://service.example/", "text/plain", strings.NewReader("question"))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestBusyServicesAreAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		service answers
		asked   int
		waited  time.Duration
		want    string // of the error; "" is none
	}{
		"at once":         {answers{statuses: []int{200}}, 1, 0, ""},
		"refused":         {answers{statuses: []int{400}}, 1, 0, ""},
		"busy once":       {answers{statuses: []int{503, 201}}, 2, time.Second, ""},
		"busy twice":      {answers{statuses: []int{429, 500, 200}}, 3, 3 * time.Second, ""},
		"busy for good":   {answers{statuses: []int{503}, body: "come back later\n"}, 3, 3 * time.Second, "answered Service Unavailable to each of 3 attempts: come back later"},
		"talks too much":  {answers{statuses: []int{500}, body: strings.Repeat("x", 10_000)}, 3, 3 * time.Second, strings.Repeat("x", maxComplaint)},
		"not there":       {answers{err: errors.New("connection refused")}, 1, 0, "connection refused"},
		"never ends":      {answers{statuses: []int{200}, body: strings.Repeat("x", maxAnswer+1)}, 1, 0, "more than 1048576 bytes"},
		"as long as goes": {answers{statuses: []int{200}, body: strings.Repeat("x", maxAnswer)}, 1, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				body, err := ask(t, t.Context(), &c.service)
				if (err == nil) != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) {
					t.Fatalf("error %v, want %q", err, c.want)
				}
				if err == nil && body != c.service.body {
					t.Errorf("answer of %d bytes, want %d", len(body), len(c.service.body))
				}
				if c.service.asked != c.asked || time.Since(start) != c.waited {
					t.Errorf("asked %d times in %s, want %d in %s", c.service.asked, time.Since(start), c.asked, c.waited)
				}
			})
		})
	}
}

func TestWaitingForABusyServiceEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		service := &answers{statuses: []int{503}}
		start := time.Now()
		if _, err := ask(t, ctx, service); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}
