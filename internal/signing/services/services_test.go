package services

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func service(url string, version int, operator, start, end string) map[string]any {
	period := map[string]any{"start": start}
	if end != "" {
		period["end"] = end
	}
	return map[string]any{"url": url, "majorApiVersion": version, "operator": operator, "validFor": period}
}

// config is a signing configuration as the public instance publishes it, changed.
func config(t *testing.T, change func(map[string]any)) []byte {
	t.Helper()
	c := map[string]any{
		"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
		"caUrls":    []any{service("https://fulcio.example", 1, "a", "2022-01-01T00:00:00Z", "")},
		"rekorTlogUrls": []any{
			service("https://log2027.example", 2, "a", "2027-01-01T00:00:00Z", ""),
			service("https://log2026.example", 2, "a", "2026-01-01T00:00:00Z", ""),
			service("https://rekor.example", 1, "a", "2021-01-01T00:00:00Z", "2026-06-01T00:00:00Z"),
		},
		"rekorTlogConfig": map[string]any{"selector": "ANY"},
		"tsaUrls": []any{
			service("https://a.example/stamp", 1, "a", "2025-01-01T00:00:00Z", ""),
			service("https://b.example/stamp", 1, "b", "2025-01-01T00:00:00Z", ""),
		},
		"tsaConfig": map[string]any{"selector": "ALL"},
	}
	if change != nil {
		change(c)
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSigningConfigurationNamesTheServicesOfToday(t *testing.T) {
	s, err := FromConfig(config(t, nil), now)
	if err != nil {
		t.Fatal(err)
	}
	if s.Fulcio != "https://fulcio.example" || !slices.Equal(s.Logs, []Log{{"https://log2026.example", RekorV2}}) {
		t.Errorf("%+v", s)
	}
	slices.Sort(s.Timestamps)
	if !slices.Equal(s.Timestamps, []string{"https://a.example/stamp", "https://b.example/stamp"}) {
		t.Errorf("authorities %q", s.Timestamps)
	}
	// Before the log of version 2 there was one of version 1.
	if s, err = FromConfig(config(t, nil), now.AddDate(-1, -2, 0)); err != nil || !slices.Equal(s.Logs, []Log{{"https://rekor.example", RekorV1}}) {
		t.Errorf("%+v, %v", s.Logs, err)
	}
	// Services that are not named are not asked.
	s, err = FromConfig(config(t, func(c map[string]any) { delete(c, "rekorTlogUrls"); delete(c, "caUrls"); delete(c, "tsaUrls") }), now)
	if err != nil || s.Fulcio != "" || s.Logs != nil || s.Timestamps != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestUnusableSigningConfigurationIsRefused(t *testing.T) {
	set := func(member string, value any) []byte {
		return config(t, func(c map[string]any) { c[member] = value })
	}
	good := config(t, nil)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":           {nil, "reading signing configuration"},
		"not JSON":          {[]byte("fulcio.example"), "reading signing configuration"},
		"duplicate member":  {append([]byte(`{"mediaType":"x",`), good[1:]...), "duplicate"},
		"another version":   {set("mediaType", "application/vnd.dev.sigstore.signingconfig.v0.1+json"), "media type"},
		"unknown member":    {set("x", 1), "unknown"},
		"Fulcio of later":   {set("caUrls", []any{service("https://f.example", 1, "a", "2030-01-01T00:00:00Z", "")}), "caUrls: no matching service"},
		"version of later":  {set("rekorTlogUrls", []any{service("https://l.example", 3, "a", "2020-01-01T00:00:00Z", "")}), "rekorTlogUrls: no matching service"},
		"authority of old":  {set("tsaUrls", []any{service("https://t.example", 1, "a", "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z")}), "tsaUrls: no matching service"},
		"more than are":     {set("tsaConfig", map[string]any{"selector": "EXACT", "count": 3}), "tsaUrls: "},
		"no selector":       {set("rekorTlogConfig", map[string]any{}), "rekorTlogUrls: invalid service selector"},
		"larger than it is": {append(good, make([]byte, maxConfigBytes)...), "reading signing configuration"},
	} {
		if s, err := FromConfig(c.data, now); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", name, s, err, c.want)
		}
	}
}

func TestServicesThatProveNothingAreRefused(t *testing.T) {
	const f, r, s = "https://fulcio.example", "https://rekor.example", "https://tsa.example/stamp"
	v1, v2 := []Log{{r, RekorV1}}, []Log{{r, RekorV2}}
	for name, c := range map[string]struct {
		services  Services
		certified bool
		want      string // "" is no error
	}{
		"all":                      {Services{f, v2, []string{s}}, true, ""},
		"stamp alone":              {Services{f, nil, []string{s}}, true, ""},
		"the old log says when":    {Services{f, v1, nil}, true, ""},
		"the new log does not":     {Services{f, v2, nil}, true, "nobody says when"},
		"certificate alone":        {Services{f, nil, nil}, true, "nobody says when"},
		"nobody certifies":         {Services{"", v2, []string{s}}, true, "none certifies"},
		"key alone":                {Services{}, false, ""},
		"key in a log":             {Services{"", v2, nil}, false, ""},
		"unknown version":          {Services{f, []Log{{r, 3}}, []string{s}}, true, "version 3 of Rekor"},
		"no scheme":                {Services{"fulcio.example", v2, []string{s}}, true, `"fulcio.example" is no address`},
		"other scheme":             {Services{f, []Log{{"file:///etc", RekorV2}}, []string{s}}, true, "is no address"},
		"no host":                  {Services{f, v2, []string{"http:///stamp"}}, true, "is no address"},
		"not parsed":               {Services{f, v2, []string{"http://a b/"}}, true, "is no address"},
		"more than anybody awaits": {Services{f, v2, make([]string, maxServices+1)}, true, "at most 8"},
	} {
		err := c.services.Check(c.certified)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// token is an identity token with these claims, and a signature that nobody made.
func token(claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"RS256"}`)) + "." + b64([]byte(claims)) + "." + b64([]byte("signature"))
}

func claims(exp int64) string {
	return fmt.Sprintf(`{"iss":"https://issuer.example","sub":"dev@example.com","email":"dev@example.com","email_verified":true,"exp":%d}`, exp)
}

func TestTokensThatNoFulcioTakesAreRefusedUnsent(t *testing.T) {
	for name, c := range map[string]struct{ token, want string }{
		"good":             {token(claims(now.Unix() + 60)), ""},
		"with a fraction":  {token(`{"exp":1795428060.5}`), ""},
		"none":             {"", "there is none"},
		"expired":          {token(claims(now.Unix() - 1)), "it expired at 2026-11-23T09:59:59Z; get a fresh one"},
		"ends just now":    {token(claims(now.Unix())), "it expired"},
		"without end":      {token(`{"sub":"x"}`), "when it expires"},
		"end is a word":    {token(`{"exp":"soon"}`), "when it expires"},
		"end beyond time":  {token(`{"exp":1e300}`), "no time that can be written down"},
		"end before time":  {token(`{"exp":-1}`), "no time that can be written down"},
		"two parts":        {"eyJhIjoxfQ.eyJhIjoxfQ", "no JSON Web Token"},
		"not base64":       {"eyJ.%%.x", "not JSON in base64url"},
		"claims not JSON":  {token("claims"), "not JSON in base64url"},
		"claims twice":     {token(`{"exp":1,"exp":1795428060}`), "not JSON in base64url"},
		"larger than real": {token(strings.Repeat(" ", maxToken)), "more than 65536 bytes"},
	} {
		err := checkToken(c.token, now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && c.token != "" && strings.Contains(err.Error(), c.token) {
			t.Errorf("%s: the token is told: %v", name, err)
		}
	}
}

func TestTokensAreToldFromFiles(t *testing.T) {
	for text, want := range map[string]bool{
		token(claims(1)): true, "token.jwt": false, "a.b.c": false, "eyJ/a.b.c": false, "eyJ.a": false, "": false, "eyJ a.b.c": false, "./eyJ.a.b": false,
	} {
		if got := LooksLikeToken(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestTokensAreTakenOutOfErrors(t *testing.T) {
	secret := token(claims(1))
	if got := hidden(fmt.Errorf("bad header: Bearer %s, %s", secret, secret), secret).Error(); got != "bad header: Bearer (identity token), (identity token)" {
		t.Error(got)
	}
	plain := errors.New("plain")
	if got := hidden(plain, secret); got != plain {
		t.Errorf("%v", got)
	}
	if got := hidden(plain, ""); got != plain {
		t.Errorf("%v", got)
	}
	if hidden(nil, secret) != nil {
		t.Error("an error out of nothing")
	}
}

// FuzzInputs reads what people hand in: no input may end in a panic, and no
// configuration in services that are refused only when they are asked.
func FuzzInputs(f *testing.F) {
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{"url":"https://f.example","majorApiVersion":1,"validFor":{"start":"2020-01-01T00:00:00Z"}}]}`), token(claims(1)))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","tsaUrls":[{"url":"x","majorApiVersion":1}],"tsaConfig":{"selector":"EXACT","count":1}}`), "a.b.c")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if s, err := FromConfig(data, now); err == nil {
			_ = s.Check(true)
		}
		if err := checkToken(text, now); err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Error("the token is told")
		}
	})
}
